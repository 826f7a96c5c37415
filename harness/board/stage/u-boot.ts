/** U-Boot's command line: autoboot is interrupted, the kernel's command line handed over, commands run. */
import { z } from 'zod'
import { oneLine } from '../../values.ts'
import { type Dialect, FirmwarePrompt, firmwareCommands } from './firmware-prompt.ts'
import type { RunStage } from './stage.ts'
import { keys, stageKeys, startLimit } from './stage-keys.ts'

export const uBootStageSchema = z
  .strictObject({
    type: z.literal('u-boot'),
    ...stageKeys,
    prompt: oneLine.default('=> ').meta({ description: "U-Boot's prompt, as plain text." }),
    interrupt: z
      .union([
        z.literal(false),
        z.strictObject({
          at: oneLine
            .default('autoboot')
            .meta({ description: 'Plain text after which U-Boot listens, in small or capital letters.' }),
          send: keys.default(' ').meta({ description: 'Pressed until the prompt is there.' }),
        }),
      ])
      .prefault({})
      .meta({ description: 'How autoboot is stopped; false where U-Boot stops by itself.' }),
    commands: firmwareCommands.default(['boot']).meta({
      description:
        'Run one after the other; the last one need not come back. Before them the variable harness_args is set to the kernel command line that the harness wants.',
    }),
  })
  .meta({ description: "U-Boot's command line." })
type UBootStage = z.infer<typeof uBootStageSchema>

/** CONFIG_SYS_CBSIZE, the longest line, is 256 on many boards. */
const longestValue = 160

export const runUBoot: RunStage<UBootStage> = async (stage, context) => {
  const left = startLimit(stage.limit, context)
  const { prompt, name = 'U-Boot' } = stage
  const firmware = new FirmwarePrompt({ ...uBoot, name, prompt }, context, left)
  await firmware.reach(stage.interrupt)
  return await firmware.run(stage.commands)
}

const uBoot: Omit<Dialect, 'name' | 'prompt'> = {
  cancel: '\x03',
  setArguments: (commandLine) =>
    // One word each: setenv takes no more words than CONFIG_SYS_MAXARGS, which is 16 on many boards.
    pieces(commandLine).map((piece, index) =>
      index === 0
        ? `setenv harness_args ${quoted(piece)}`
        : `setenv harness_args "\${harness_args}"${quoted(` ${piece}`)}`,
    ),
  // hush expands it; the echo has `$?`.
  withStatus: (command, token) => [`${command.replace(/[\s;]+$/, '')}; echo S$?${token}`],
  // do_reset() in drivers/sysreset and arch code, hang() of bootm, and arch/arm/lib/interrupts*.c.
  dead: /resetting \.\.\.|Please RESET the board|"Synchronous Abort" handler|data abort/,
}

/** The words of a text in pieces that fit a line. */
function pieces(text: string): string[] {
  const found: string[] = []
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = found.length === 0 ? word : `${found.at(-1)} ${word}`
    if (found.length > 0 && longer.length <= longestValue) found[found.length - 1] = longer
    else found.push(word)
  }
  return found
}

/** Quoted for hush (common/cli_hush.c), which has no escape within single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'"'"'`)}'`
}
