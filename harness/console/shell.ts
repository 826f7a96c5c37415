/** Runs commands in a shell on a console, so that neither a printk nor a wrapped, lost or late byte is taken for an answer. */
import { randomBytes } from 'node:crypto'
import { LabError } from '../errors.ts'
import { applyBackspaces } from './ansi.ts'
import { type Console, ConsoleTimeout, type Match, type Matcher } from './console.ts'
import { withoutKernelMessages } from './kernel-lines.ts'

/** What a command did. Times are arrivals of its first and last token, nanoseconds of the monotonic clock. */
export type CommandResult = { status: number; output: string; startedNs: bigint; endedNs: bigint }

export type RunOptions = {
  timeoutMs: number
  signal?: AbortSignal
  onStarted?: (atNs: bigint) => void
  /** Answers the command's questions, which come after that position; the signal ends it when the command has ended. */
  talk?: (console: Console, from: number, signal: AbortSignal) => Promise<void>
}

export type ShellOptions = {
  /** The end of the shell's prompt, as plain text. */
  prompt?: string
  /** How long the echo of what was typed may take before it is typed again. */
  echoTimeoutMs?: number
}

/** Bytes written before their echo is waited for: well under a UART's and a tty's buffers. */
const pieceLength = 120
/** busybox's line editor takes 1024 characters; longer commands are put together in a variable. */
const maxLineLength = 800
/** Quoting may make a piece four times as long, and still it must fit. */
const storedLength = 180
const probeIntervalMs = 2_000
const promptTimeoutMs = 500
const attempts = 3

export class Shell {
  readonly #console: Console
  readonly #prompt: string
  readonly #echoTimeoutMs: number

  constructor(console: Console, { prompt = '# ', echoTimeoutMs = 10_000 }: ShellOptions = {}) {
    this.#console = console
    this.#prompt = prompt
    this.#echoTimeoutMs = echoTimeoutMs
  }

  /** Sends probes until the shell answers one. Throws ConsoleTimeout when none was answered in time. */
  async synchronise(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const deadline = performance.now() + timeoutMs
    for (let interrupt = ''; ; interrupt = '\x03') {
      const token = newToken()
      const from = this.#console.position
      // The answer is computed, so that the echo of the question can never be taken for it. A shell that waits
      // for the end of a quote answers nothing before it is interrupted.
      await this.#console.write(`${interrupt}\necho P$((40+2))${token}\n`)
      const left = deadline - performance.now()
      const wait = Math.max(1, Math.min(probeIntervalMs, left))
      try {
        const answer = await this.#console.expect(tokenMatcher(new RegExp(`P42${token}`)), {
          timeoutMs: wait,
          signal,
          from,
          what: 'answer from the shell',
        })
        await this.#awaitPrompt(answer.end, signal)
        return
      } catch (error) {
        if (!(error instanceof ConsoleTimeout)) throw error
        if (left <= probeIntervalMs)
          throw new ConsoleTimeout('answer from the shell', timeoutMs, this.#console.lastLine)
      }
    }
  }

  /**
   * Runs one command line and waits for its end. The command is typed only as far as its echo agrees, and it is
   * executed only when the whole line was echoed right. Kernel messages are taken out of the output.
   * Throws ConsoleTimeout, ConsoleClosed, AbortError, or LabError when the console corrupts input.
   */
  async run(command: string, options: RunOptions): Promise<CommandResult> {
    const stored = command.length > maxLineLength ? await this.#store(command, options) : command
    return await this.#runShort(stored, options)
  }

  async #runShort(command: string, options: RunOptions): Promise<CommandResult> {
    const token = newToken()
    const from = this.#console.position
    await this.#type(`echo S$((40+2))${token}; ${command}; echo E$?${token}$((40+2))`, options.signal)
    await this.#console.write('\n')
    const expectOptions = { ...options, from, what: `end of \`${command.slice(0, 80)}\`` }
    const started = await this.#console.expect(tokenMatcher(new RegExp(`S42${token}`)), expectOptions)
    options.onStarted?.(started.atNs)
    const ending = this.#console.expect(tokenMatcher(new RegExp(`E(\\d+)${token}42`)), {
      ...expectOptions,
      from: started.end,
    })
    const ended = await this.#talking(options, started.end, ending)
    await this.#awaitPrompt(ended.end, options.signal)
    return {
      status: Number(ended.groups[0]),
      output: outputBetween(this.#console, started, ended),
      startedNs: started.atNs,
      endedNs: ended.atNs,
    }
  }

  /** Lets the command be talked to until it has ended. Throws as either does. */
  async #talking({ talk, signal }: RunOptions, from: number, ending: Promise<Match>): Promise<Match> {
    if (!talk) return await ending
    const stop = new AbortController()
    const signals = [stop.signal, ...(signal ? [signal] : [])]
    const talked = talk(this.#console, from, AbortSignal.any(signals))
    try {
      return await Promise.race([ending, talked.then(() => ending)])
    } finally {
      stop.abort()
      await talked.catch(() => {})
    }
  }

  /** A prompt that comes late would land in the echo of the next command. A shell without one costs this wait. */
  async #awaitPrompt(from: number, signal?: AbortSignal): Promise<void> {
    try {
      await this.#console.expect(this.#prompt, { timeoutMs: promptTimeoutMs, signal, from, what: 'prompt' })
    } catch (error) {
      if (!(error instanceof ConsoleTimeout)) throw error
    }
  }

  /** Puts a long command into a variable piece by piece; returns the short command that runs it. */
  async #store(command: string, { timeoutMs, signal }: RunOptions): Promise<string> {
    await this.#runShort('K=', { timeoutMs, signal })
    for (let start = 0; start < command.length; start += storedLength) {
      const piece = quote(command.slice(start, start + storedLength))
      await this.#runShort(`K="$K"${piece}`, { timeoutMs, signal })
    }
    return 'eval "$K"'
  }

  /** Types a line without ending it and sees to it that the echo agrees. */
  async #type(line: string, signal?: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const from = this.#console.position
      try {
        for (let start = 0; start < line.length; start += pieceLength) {
          await this.#console.write(line.slice(start, start + pieceLength))
          await this.#expectEcho(line.slice(0, start + pieceLength), from, signal)
        }
        return
      } catch (error) {
        if (!(error instanceof ConsoleTimeout)) throw error
        if (attempt === attempts) throw corruptedInput(line, this.#console.since(from))
        // Ctrl-U and Ctrl-C: whatever arrived of the line is thrown away before it is typed again.
        await this.#console.write('\x15\x03')
        await this.synchronise(this.#echoTimeoutMs, signal)
      }
    }
  }

  async #expectEcho(typed: string, from: number, signal?: AbortSignal): Promise<void> {
    // A blank at the end may still be on its way; with the next piece it is compared.
    const wanted = typed.trimEnd()
    const matcher: Matcher = (text) =>
      echoes(applyBackspaces(withoutKernelMessages(text).text), wanted)
        ? { index: 0, length: text.length }
        : undefined
    await this.#console.expect(matcher, {
      timeoutMs: this.#echoTimeoutMs,
      signal,
      from,
      what: 'echo of what was typed',
    })
  }
}

/** Quotes a word for a POSIX shell. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

/**
 * Whether a text has the echo of what was typed. A line editor may wrap, redraw or space it, so that blanks and
 * controls may come anywhere; but where a blank was typed one has to come: `kexec-l` is not `kexec -l`.
 */
function echoes(text: string, typed: string): boolean {
  for (let start = text.indexOf(typed[0]!); start !== -1; start = text.indexOf(typed[0]!, start + 1))
    if (echoesAt(text, typed, start)) return true
  return false
}

function echoesAt(text: string, typed: string, start: number): boolean {
  let at = start
  for (const character of typed) {
    const before = at
    while (at < text.length && isBlank(text[at]!)) at++
    if (isBlank(character)) {
      if (at === before && !isBlank(text[at - 1]!)) return false
    } else if (text[at++] !== character) return false
  }
  return true
}

function isBlank(character: string): boolean {
  return /[\s\u0000-\u001f\u007f]/.test(character)
}

/** Matches a token also where a kernel message landed in the middle of it. */
function tokenMatcher(token: RegExp): Matcher {
  return (text) => {
    const direct = token.exec(text)
    if (direct) return { index: direct.index, length: direct[0].length, groups: direct.slice(1) }
    const filtered = withoutKernelMessages(text)
    const found = token.exec(filtered.text)
    if (!found) return undefined
    const index = filtered.originalIndex(found.index)
    const end = filtered.originalIndex(found.index + found[0].length - 1) + 1
    return { index, length: end - index, groups: found.slice(1) }
  }
}

function outputBetween(console: Console, started: Match, ended: Match): string {
  const text = console.since(started.end).slice(0, ended.end - started.end - ended.text.length)
  return withoutKernelMessages(text).text.replaceAll('\r', '').replace(/^\n/, '').replace(/\n$/, '')
}

function corruptedInput(line: string, echo: string): LabError {
  return new LabError(
    `the console corrupts input: typed ${JSON.stringify(line.slice(0, 120))}, echoed ${JSON.stringify(echo.slice(0, 200))} (${attempts} attempts)`,
    { hint: 'Check baud rate, flow control and cable; another program may be reading the same console.' },
  )
}

function newToken(): string {
  return `q${randomBytes(3).toString('hex')}z`
}
