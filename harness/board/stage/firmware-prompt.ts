/** Commands at the prompt of a firmware: its prompt is reached, and each command's echo and result are checked. */
import { z } from 'zod'
import { systemClock } from '../../clock.ts'
import { ConsoleTimeout, type Match } from '../../console/console.ts'
import { checkedMs, durationText } from '../../duration.ts'
import { BoardError } from '../../errors.ts'
import { oneLine } from '../../values.ts'
import { anyOf, literal } from './any-of.ts'
import type { StageContext } from './stage.ts'
import type { TimeLeft } from './stage-keys.ts'
import { newPrompt, newToken, quotePrompt, typeLine } from './typing.ts'

const firmwareCommand = z.union([
  oneLine,
  z.strictObject({
    run: oneLine.meta({ description: 'The command.' }),
    limit: durationText.optional().meta({ description: 'The longest that it may take.' }),
    expect: oneLine.optional().meta({
      description: 'Plain text that must come; after the last command it ends the stage.',
    }),
    fail: oneLine.optional().meta({ description: 'Plain text that means failure, whatever its status.' }),
  }),
])
type FirmwareCommand = z.infer<typeof firmwareCommand>

export const firmwareCommands = z.array(firmwareCommand).min(1)

/** How one firmware wants to be spoken to. */
export type Dialect = {
  /** What messages call it. */
  name: string
  /** Plain text, or an expression where it changes. */
  prompt: string | RegExp
  /** Keys that throw away a half-typed line and bring a new prompt. */
  cancel: string
  /** Lines that put the kernel's command line into the variable `harness_args`. */
  setArguments(commandLine: string): string[]
  /** A line to type before each command, whatever it says. */
  before?: string
  /** The lines to type for a command, the last of which prints `S`, its status and the token. */
  withStatus(command: string, token: string): string[]
  /** What says that it gave up for good, besides a status. */
  dead?: RegExp
}

export type Interrupt = {
  /** Plain text, in small or capital letters, after which a key is listened to. */
  at: string
  /** Pressed again and again until the prompt is there. */
  send: string
}

/** Something was started that is no firmware any more. Sources: U-Boot boot/bootm_os.c, Linux efi/libstub and init/main.c. */
export const kernelStarted =
  /Starting kernel \.\.\.|EFI stub: |Booting Linux on physical CPU|Linux version \d|\[ {4}0\.000000\]/

const pressEveryMs = 500
const echoTimeoutMs = 10_000
/** A prompt may be printed a moment before its firmware listens. */
const wakeAttempts = 3
/** Of what a command said: its beginning and its end, where usage texts and progress bars lie between. */
const quotedCharacters = 200

/** A firmware's prompt on a console, for one stage. */
export class FirmwarePrompt {
  readonly #dialect: Dialect
  readonly #context: StageContext
  readonly #left: TimeLeft

  constructor(dialect: Dialect, context: StageContext, left: TimeLeft) {
    this.#dialect = dialect
    this.#context = context
    this.#left = left
  }

  /**
   * Waits for the prompt, pressing keys on the way where the firmware would go on by itself.
   * Throws ConsoleTimeout where it does not come, BoardError where a kernel was started instead.
   */
  async reach(interrupt: Interrupt | false): Promise<void> {
    const { console, from, signal } = this.#context
    const { name, prompt } = this.#dialect
    const what = `prompt ${quotePrompt(prompt)} of ${name}`
    if (interrupt) {
      const first = await console.expect(anyOf({ asked: literal(interrupt.at, 'i'), prompt }), {
        ...{ from, signal, timeoutMs: this.#left() },
        what: `${JSON.stringify(interrupt.at)} and no ${what}`,
      })
      if (first.groups[0] === 'asked') await this.#press(interrupt, first.end, what)
    } else await console.expect(prompt, { from, signal, timeoutMs: this.#left(), what })
    // What was pressed too often must not become part of the first command.
    await this.#wake()
  }

  /**
   * Sets harness_args and runs the commands; the last one need not come back. Returns the position after what ended
   * the last one. Throws BoardError that quotes what a command said, ConsoleTimeout, or LabError (corrupted input).
   */
  async run(commands: readonly FirmwareCommand[]): Promise<number> {
    const { commandLine, console } = this.#context
    const own = commandLine === '' ? [] : this.#dialect.setArguments(commandLine)
    for (const line of own) await this.#runOne(line, false)
    let position = console.position
    for (const [index, command] of commands.entries())
      position = await this.#runOne(command, index === commands.length - 1)
    return position
  }

  async #press({ send }: Interrupt, from: number, what: string): Promise<void> {
    const { console, signal } = this.#context
    const stop = new AbortController()
    const answer = console.expect(anyOf({ prompt: this.#dialect.prompt, started: kernelStarted }), {
      ...{ from, what, timeoutMs: this.#left() },
      signal: AbortSignal.any([signal, stop.signal]),
    })
    const press = async () => {
      while (!stop.signal.aborted) {
        await console.write(send)
        await systemClock.sleep(pressEveryMs, stop.signal).catch(() => {})
      }
    }
    // A console that can't be written to ends the wait.
    const pressing = press()
    try {
      const match = await Promise.race([answer, pressing.then(() => answer)])
      if (match.groups[0] === 'started')
        throw new BoardError(`${this.#dialect.name} started a kernel by itself: it was not interrupted`, {
          hint: 'Its waiting time (bootdelay, timeout) may be zero, or it wants another key: see interrupt in docs/stages.md.',
        })
    } finally {
      stop.abort()
      await Promise.allSettled([answer, pressing])
    }
  }

  async #wake(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await newPrompt(this.#context.console, this.#typing())
      } catch (error) {
        if (!(error instanceof ConsoleTimeout) || attempt === wakeAttempts) throw error
      }
    }
  }

  async #runOne(command: FirmwareCommand, isLast: boolean): Promise<number> {
    const { run, limit, expect, fail } =
      typeof command === 'string' ? ({ run: command } as Exclude<FirmwareCommand, string>) : command
    const { console, signal } = this.#context
    const token = newToken()
    const { before } = this.#dialect
    const lines = [...(before === undefined ? [] : [before]), ...this.#dialect.withStatus(run, token)]
    const timeoutMs = () => (limit === undefined ? this.#left() : Math.min(checkedMs(limit), this.#left()))
    const endsWith = expect === undefined ? kernelStarted : literal(expect)
    const what = isLast && expect !== undefined ? `${JSON.stringify(expect)} after` : 'end of'
    let output = ''
    for (const [index, line] of lines.entries()) {
      const isStatus = index === lines.length - 1
      const from = await typeLine(console, line, this.#typing())
      await console.write('\r')
      const match = await console.expect(
        anyOf({
          status: isStatus ? statusOf(token) : undefined,
          prompt: isStatus ? undefined : this.#dialect.prompt,
          started: isLast ? endsWith : undefined,
          failed: fail === undefined ? undefined : literal(fail),
          dead: this.#dialect.dead,
        }),
        {
          from,
          signal,
          timeoutMs: timeoutMs(),
          what: `${what} \`${run}\` at the prompt of ${this.#dialect.name}`,
        },
      )
      const [ended] = match.groups
      const end = ended === 'prompt' ? match.end - match.text.length : match.end
      if (line !== before) output += console.since(from).slice(0, end - from)
      if (ended === 'failed' || ended === 'dead') throw this.#failure(run, output, '')
      if (ended === 'started') return match.end
      if (isStatus) return await this.#judge({ run, expect, output, match, token })
    }
    throw new Error(`${this.#dialect.name} has no line for a command's status`)
  }

  async #judge({ run, expect, output, match, token }: Judged): Promise<number> {
    const status = statusOf(token).exec(match.text)![1]!
    const said = output.replace(statusOf(token), '')
    if (!/^(0x)?0+$/.test(status)) throw this.#failure(run, said, ` (status ${status})`)
    if (expect !== undefined && !said.includes(expect))
      throw this.#failure(run, said, ` (it did not say ${JSON.stringify(expect)})`)
    const { console, signal } = this.#context
    const { name, prompt } = this.#dialect
    const fresh = await console.expect(prompt, {
      ...{ from: match.end, signal, timeoutMs: this.#left() },
      what: `prompt ${quotePrompt(prompt)} of ${name} after \`${run}\``,
    })
    return fresh.end
  }

  #failure(command: string, output: string, why: string): BoardError {
    return new BoardError(`${this.#dialect.name}: \`${command}\` failed${why}: ${quote(output)}`, {
      hint: 'Try the command by hand: npm run console -- BOARD --write',
    })
  }

  #typing() {
    const { prompt, cancel } = this.#dialect
    return {
      ...{ prompt, cancel, signal: this.#context.signal },
      echoTimeoutMs: Math.min(echoTimeoutMs, this.#left()),
    }
  }
}

type Judged = { run: string; expect: string | undefined; output: string; match: Match; token: string }

/** A command's status as its last line prints it; its echo has `$?` there. */
function statusOf(token: string): RegExp {
  return new RegExp(`S([0-9a-fx]+)${token}`, 'i')
}

function quote(output: string): string {
  const said = output.replace(/[\s\u0000-\u001f\u007f]+/g, ' ').trim()
  const short =
    said.length <= 2 * quotedCharacters
      ? said
      : `${said.slice(0, quotedCharacters)} … ${said.slice(-quotedCharacters)}`
  return JSON.stringify(short)
}
