/** GRUB: an entry of its menu, or commands at its command line. */
import { z } from 'zod'
import { type Console, ConsoleTimeout } from '../../console/console.ts'
import { BoardError } from '../../errors.ts'
import { oneLine } from '../../values.ts'
import { anyOf } from './any-of.ts'
import { type Dialect, FirmwarePrompt, firmwareCommands, kernelStarted } from './firmware-prompt.ts'
import type { RunStage, StageContext } from './stage.ts'
import { stageKeys, startLimit, type TimeLeft } from './stage-keys.ts'

export const grubStageSchema = z
  .strictObject({
    type: z.literal('grub'),
    ...stageKeys,
    entry: oneLine.optional().meta({ description: "A menu entry's title. Either this or commands." }),
    prompt: oneLine.default('grub> ').meta({ description: "The command line's prompt, as plain text." }),
    commands: firmwareCommands.optional().meta({
      description:
        'Run at the command line; the last one, boot, need not come back. Before them the variable harness_args is set to the kernel command line that the harness wants.',
    }),
  })
  .refine(({ entry, commands }) => (entry === undefined) !== (commands === undefined), {
    error: 'needs either entry or commands',
  })
  .meta({ description: "GRUB's menu or command line." })
type GrubStage = z.infer<typeof grubStageSchema>

/** The head of the menu (normal/menu_text.c); the command line has it, too. */
const banner = 'GNU GRUB'
const maxEntries = 100
/** So often the same title is the end of the menu. */
const repeats = 3
/** A key that changes nothing is not answered. */
const keyTimeoutMs = 3_000

export const runGrub: RunStage<GrubStage> = async (stage, context) => {
  const left = startLimit(stage.limit, context)
  const { name = 'GRUB', prompt, entry, commands } = stage
  if (entry !== undefined) return await chooseEntry(name, entry, context, left)
  const firmware = new FirmwarePrompt({ ...grub, name, prompt }, context, left)
  await firmware.reach({ at: banner, send: 'c' })
  return await firmware.run(commands ?? [])
}

const grub: Omit<Dialect, 'name' | 'prompt'> = {
  // To the start of the line, delete to its end, enter: Ctrl-C would leave the command line.
  cancel: '\x01\x0b\r',
  setArguments: (commandLine) => [`set harness_args='${commandLine.replaceAll("'", `'"'"'`)}'`],
  // $? is 0 after an error. The echo has quotation marks around the number.
  withStatus: (command, token) => [
    `if ${command.replace(/[\s;]+$/, '')}; then echo S"0"${token}; else echo S"1"${token}; fi`,
  ],
}

/** To the first entry, and one entry down: Ctrl-A and Ctrl-N (grub-core/normal/menu.c). Each stops the countdown. */
const keys = { first: '\x01', next: '\x0e' }

/**
 * Goes to the first entry, unless the default is the one, and moves the cursor down until it is on the entry. On a
 * serial terminal GRUB marks that line with an asterisk.
 */
async function chooseEntry(
  name: string,
  entry: string,
  { console, from, signal }: StageContext,
  left: TimeLeft,
): Promise<number> {
  const what = (text: string) => `${text} of ${name}`
  const menu = await console.expect(banner, { from, signal, timeoutMs: left(), what: what('menu') })
  const seen: string[] = []
  let position = menu.end
  for (let moves = 0; moves < maxEntries; moves++) {
    const marked = await marker(
      console,
      position,
      signal,
      Math.min(left(), moves === 0 ? left() : keyTimeoutMs),
    )
    if (marked === undefined) break
    if (marked.cut ? entry.startsWith(marked.title) : entry === marked.title) {
      await console.write('\r')
      const started = await console.expect(
        anyOf({ started: kernelStarted, failed: /error: (?!no suitable video mode)[^\r\n]*[\r\n]/ }),
        {
          ...{ from: marked.end, signal, timeoutMs: left() },
          what: what(`start of ${JSON.stringify(entry)}`),
        },
      )
      if (started.groups[0] === 'started') return started.end
      throw new BoardError(
        `${name} could not start ${JSON.stringify(entry)}: ${JSON.stringify(started.text.trim())}`,
      )
    }
    seen.push(marked.title)
    // Below the last entry the cursor stays where it is.
    if (seen.length > repeats && seen.slice(-repeats).every((title) => title === marked.title)) break
    position = console.position
    await console.write(moves === 0 ? keys.first : keys.next)
  }
  throw new BoardError(
    `${name} has no entry ${JSON.stringify(entry)}; it has ${[...new Set(seen)].map((title) => JSON.stringify(title)).join(', ')}`,
  )
}

type Marked = {
  title: string
  /** Whether it was too long for the menu. */
  cut: boolean
  end: number
}

/** The entry that the cursor is on, once it was drawn; undefined where nothing is drawn. */
async function marker(
  console: Console,
  from: number,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<Marked | undefined> {
  try {
    const found = await console.expect(/\*([^\s*][^\r\n]*?)(?: {2}|>)/, {
      ...{ from, signal, timeoutMs },
      what: 'marked entry of the menu',
    })
    return { title: found.groups[0]!, cut: found.text.endsWith('>'), end: found.end }
  } catch (error) {
    if (error instanceof ConsoleTimeout) return undefined
    throw error
  }
}
