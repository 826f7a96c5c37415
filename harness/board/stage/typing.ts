/** Types a line at a firmware's prompt, which loses what comes too fast, and sees to it that it arrived. */
import { randomBytes } from 'node:crypto'
import { applyBackspaces } from '../../console/ansi.ts'
import { type Console, ConsoleTimeout, type Matcher } from '../../console/console.ts'
import { LabError } from '../../errors.ts'

export type TypingOptions = {
  prompt: string | RegExp
  /** Throws away what was typed so far and brings a new prompt: Ctrl-C, in most. */
  cancel: string
  /** How long an echo may take before the line is typed again, milliseconds. */
  echoTimeoutMs: number
  signal: AbortSignal
}

/** As many characters as the FIFO of a 16550 UART holds: what firmware that polls it can lose at most. */
const pieceLength = 16
const attempts = 3

/**
 * Types a line without ending it; returns the position after its echo.
 * Throws LabError where its echo is never right, ConsoleClosed or the signal's reason.
 */
export async function typeLine(console: Console, line: string, options: TypingOptions): Promise<number> {
  const { cancel, signal, echoTimeoutMs } = options
  for (let attempt = 1; ; attempt++) {
    const from = console.position
    try {
      for (let start = 0; start < line.length; start += pieceLength) {
        await console.write(line.slice(start, start + pieceLength))
        await console.expect(echoOf(line.slice(0, start + pieceLength)), {
          ...{ timeoutMs: echoTimeoutMs, signal, from },
          what: 'echo of what was typed',
        })
      }
      return console.position
    } catch (error) {
      if (!(error instanceof ConsoleTimeout)) throw error
      if (attempt === attempts) throw corrupted(line, console.since(from))
      await newPrompt(console, { ...options, cancel })
    }
  }
}

/** Throws away a half-typed line and waits for the prompt after it. Throws ConsoleTimeout where none comes. */
export async function newPrompt(
  console: Console,
  { prompt, cancel, echoTimeoutMs: timeoutMs, signal }: TypingOptions,
): Promise<void> {
  const from = console.position
  await console.write(cancel)
  await console.expect(prompt, { timeoutMs, signal, from, what: `prompt ${quotePrompt(prompt)}` })
}

/** A prompt as a message shows it. */
export function quotePrompt(prompt: string | RegExp): string {
  return typeof prompt === 'string' ? JSON.stringify(prompt) : String(prompt)
}

/** A word that no firmware prints by itself. */
export function newToken(): string {
  return `q${randomBytes(3).toString('hex')}z`
}

/** An echo may be wrapped and redrawn: only its visible characters count. */
function echoOf(typed: string): Matcher {
  const wanted = visible(typed)
  return (text) => (visible(text).endsWith(wanted) ? { index: 0, length: text.length } : undefined)
}

function visible(text: string): string {
  return applyBackspaces(text).replace(/[\s\u0000-\u001f\u007f]+/g, '')
}

function corrupted(line: string, echo: string): LabError {
  const [typed, echoed] = [line.slice(0, 120), echo.slice(-200)].map((text) => JSON.stringify(text))
  return new LabError(`the console corrupts input: typed ${typed}, echoed ${echoed} (${attempts} attempts)`, {
    hint: 'Check baud rate, flow control and cable, or slow the input down with pace; another program may be reading the same console.',
  })
}
