/** What one cycle leaves: plain data, which the journal records as it is. */
import { z } from 'zod'

/** A moment of the timeline. */
export const markName = z.enum([
  'chosen',
  'load',
  'loaded',
  'exec',
  'last-old-line',
  'first-new-line',
  'init',
  'ready',
])
export type MarkName = z.infer<typeof markName>

/** Times of one cycle in milliseconds; a phase that was not reached is absent. */
export const phases = z.object({
  loadMs: z.number().optional(),
  /** From the execute to the old kernel's last line. */
  shutdownMs: z.number().optional(),
  /** From the old kernel's last line to the new kernel's first. */
  gapMs: z.number().optional(),
  /** From the new kernel's first line to its init. */
  startupMs: z.number().optional(),
  /** From init to ready. */
  userspaceMs: z.number().optional(),
  /** From the key that chose an entry in a bootloader's menu to the new kernel's ready. */
  choiceToReadyMs: z.number().optional(),
  /** From the execute to the new kernel's ready. */
  totalMs: z.number().optional(),
  /** From the old kernel's last answer to the new kernel's first, to ICMP echo requests and to TCP SYNs. */
  pingDowntimeMs: z.number().optional(),
  tcpDowntimeMs: z.number().optional(),
})
export type Phases = z.infer<typeof phases>

/** The stretches that a gap is made of, in their order. */
export const gapPartNames = [
  'shutdownTailMs',
  'relocationMs',
  'purgatoryMs',
  'decompressMs',
  'earlyKernelMs',
  'consoleWaitMs',
] as const
export type GapPart = (typeof gapPartNames)[number]

/** Where a gap went, milliseconds; null: this kernel has no such stretch, or its border was not found. */
export const gapParts = z.object({
  /** From the old kernel's last line to its machine_kexec(). */
  shutdownTailMs: z.number().nullable(),
  /** Copying the segments to their places. */
  relocationMs: z.number().nullable(),
  /** Between the end of the copying and the kernel's first instruction: kexec-tools' digest. */
  purgatoryMs: z.number().nullable(),
  /** x86's decompressor, or the EFI stub's. */
  decompressMs: z.number().nullable(),
  /** From the kernel proper to its first message. */
  earlyKernelMs: z.number().nullable(),
  /** From the first message to when the console shows it. */
  consoleWaitMs: z.number().nullable(),
})
export type GapParts = z.infer<typeof gapParts>

/** What the gap's two ends are and how sure they are. */
export const gap = gapParts.partial().extend({
  lastLine: z.string(),
  firstLine: z.string(),
  /** From the last old line to the kernel's own time zero, by aligning printk stamps with arrival times. */
  toKernelStartMs: z.number().nullable(),
  /** How long the machine was stopped to be looked at or, where instructions are counted, how much longer its host took than they count for; the gap's length is without it. */
  inspectionMs: z.number().optional(),
  /** By how much each end may have been seen late: what the serial line and its adapter hold back. */
  uncertaintyMs: z.number().optional(),
  /** The parts once more by another method, where there is one: the two should agree. */
  sampled: gapParts.optional(),
  /** How its parts were told apart; instructions: counted at breakpoints, each for a nanosecond; console: they were not. */
  method: z.enum(['console', 'breakpoints', 'instructions', 'sampling']),
  /** Whether the first line could show before the console driver: without it the gap includes the wait for that. */
  earlyConsole: z.boolean(),
})
export type Gap = z.infer<typeof gap>

/** How a cycle went wrong, told apart by what the console, QMP and the CPU registers show. */
export const diagnosis = z.object({
  kind: z.enum([
    'load-error',
    'exec-error',
    'refused',
    'hang-in-loader',
    'hang-in-shutdown',
    'hang-in-gap',
    'purgatory-digest-mismatch',
    'hang-in-kernel',
    'panic',
    'reset',
    'lost-console',
    'cold-reboot',
    'not-proven',
    'wrong-entry',
    'board-died',
  ]),
  /** One sentence a person reads first. */
  summary: z.string(),
  confidence: z.enum(['seen', 'inferred']),
  /** What the sentence rests on, one fact a line. */
  evidence: z.array(z.string()),
  /** The last console lines, oldest first. */
  lastLines: z.array(z.string()),
  /** Per-CPU register summary on QEMU; absent elsewhere. */
  registers: z.array(z.string()).optional(),
  /** Kernel messages read back from guest memory that never reached the console. */
  recoveredLog: z.array(z.string()).optional(),
})
export type Diagnosis = z.infer<typeof diagnosis>
export type DiagnosisKind = Diagnosis['kind']
