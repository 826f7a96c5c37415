/** What a descriptor says of a bootloader that the harness does not know: how a person would drive it, step by step. */
import { z } from 'zod'
import { targetConfigs } from '../../images/target-configs.ts'
import { keyNames } from '../console/keys.ts'
import { durationText } from '../duration.ts'
import { oneLine } from '../values.ts'
import { pattern } from './descriptor-values.ts'
import { keys } from './stage/stage-keys.ts'

const key = z.enum(keyNames).meta({ title: 'a key' })

/** A pattern that names what it finds. */
function naming(group: string, example: string) {
  return pattern
    .refine((source) => source.includes(`(?<${group}>`), {
      error: `names nothing: what it finds stands in (?<${group}>…)`,
    })
    .meta({
      title: `a regular expression for one line, with a group (?<${group}>…)`,
      examples: [example],
    })
}

const step = z
  .union([
    z.strictObject({
      expect: oneLine.meta({ description: 'Plain text that must come, after what the step before saw.' }),
      limit: durationText.optional().meta({ description: 'The longest that it may take.' }),
    }),
    z.strictObject({
      send: oneLine.meta({
        description:
          "Typed where the cursor is, and seen there before its end is sent. {label} is the entry's label, {number} its number, {edit} the words to add.",
      }),
      end: keys.default('\r').meta({ description: 'What ends the line; Enter, which is `"\\r"`.' }),
    }),
    z.strictObject({
      press: z.array(key).min(1).max(32).meta({ description: 'Keys, one after the other.' }),
    }),
    z.strictObject({
      menu: z.strictObject({ next: key.default('Down'), previous: key.default('Up') }).meta({
        description: "Moves the menu's cursor to the entry, one key at a time, each seen to move it.",
      }),
    }),
  ])
  .meta({ title: 'a step: expect, send, press or menu' })
export type DialogueStep = z.infer<typeof step>

const steps = z.array(step).max(64)

const menu = z.strictObject({
  on: z.enum(['screen', 'lines']).default('screen').meta({
    description:
      'screen: entries are read from what is shown now; lines: from all that was printed, for a list longer than a screen.',
  }),
  begins: oneLine.optional().meta({
    description: 'Plain text of a line: entries stand after the last such line.',
  }),
  ends: oneLine.optional().meta({ description: 'Plain text of a line: entries stand before it.' }),
  entry: naming('label', '^(?<number>\\d+)\\. (?<label>.+)$').meta({
    description: 'A line of the menu that boots something; a group (?<number>…) is what {number} stands for.',
  }),
  default: naming('label', 'Default: (?<label>.+)$')
    .optional()
    .meta({ description: 'Where the menu names its default; the first entry without it.' }),
  countdown: naming('seconds', 'booting in (?<seconds>\\d+) s')
    .optional()
    .meta({ description: 'Where the menu says how long it waits.' }),
  cursor: z
    .union([z.literal('reverse'), z.strictObject({ mark: oneLine })])
    .optional()
    .meta({
      description:
        'How the selected line is shown: in reverse video, or with a mark before its label, such as `*`.',
    }),
  again: steps.default([]).meta({
    description: 'Steps that have the entries shown again, and choose nothing.',
  }),
})

/** What a dialogue says besides its name. */
export const dialogueKeys = {
  configs: z
    .array(z.enum(targetConfigs))
    .min(1)
    .default(['grub'])
    .meta({ description: "Which of a target disk's configurations the bootloader reads." }),
  arrive: steps.default([]).meta({ description: 'Steps from the power-on to its prompt or menu.' }),
  prompt: oneLine.optional().meta({
    description: 'What stands before the cursor when it waits for a line; left out for a menu of keys.',
  }),
  fresh: keys.optional().meta({
    description:
      'Keys that throw away a half-typed line and bring a new prompt, and choose nothing: `"\\x15\\r"` is Ctrl-U and Enter.',
  }),
  hold: steps.default([]).meta({ description: 'Steps that stop the countdown.' }),
  menu: menu.optional().meta({ description: 'How its entries are read.' }),
  boot: steps.min(1).meta({ description: 'Steps that boot an entry.' }),
  edited: steps.min(1).optional().meta({
    description: 'Steps that boot an entry with words added to its command line.',
  }),
  timeOver: oneLine
    .optional()
    .meta({ description: 'What it says when its time is over and it boots the default.' }),
  executing: oneLine.optional().meta({ description: 'What it says when all is loaded and it executes.' }),
  refused: z.array(oneLine).min(1).meta({
    description: 'Plain text, any of which says that it could not boot the entry.',
  }),
}
