/** For how long a board did not answer its network, as plain data that the journal records. */
import { z } from 'zod'

/** Seen by one kind of question. All but the counts are milliseconds; null where there was no answer to tell it by. */
const outage = z.object({
  sent: z.number().int(),
  answered: z.number().int(),
  /** Among those: more than a second after they were asked, as what waited in a queue for the card to come up. */
  late: z.number().int(),
  /** Further answers to what was answered already. */
  duplicates: z.number().int(),
  /** From the old kernel's last answer to the new kernel's first. */
  ms: z.number().nullable(),
  /** By how much that may be too long: how far the questions around its two ends lie apart. */
  uncertaintyMs: z.number().nullable(),
  /** Of the last answer before, and of the first one after, from the execute on. */
  lastAnswerMs: z.number().nullable(),
  firstAnswerMs: z.number().nullable(),
  /** From the old kernel's last line to its last answer: negative where the network was gone before that line. */
  lastAfterLastLineMs: z.number().nullable(),
  /** From the new kernel's first line to its first answer. */
  firstAfterFirstLineMs: z.number().nullable(),
  /** The longest time without an answer: more than `ms` where the network came and went once more. */
  longestSilenceMs: z.number().nullable(),
})
export type Outage = z.infer<typeof outage>

/** Null for a kind that was never answered. */
export const downtime = z.object({ icmp: outage.nullable(), tcp: outage.nullable() })
export type Downtime = z.infer<typeof downtime>
