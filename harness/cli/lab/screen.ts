/** Shows console bytes: raw on a terminal, which knows what to do with them, and as visible text anywhere else. */
import type { Writable } from 'node:stream'
import { visible } from '../../report/escape.ts'

/** What a terminal that was stopped (Ctrl-S) may hold back before bytes are left out. */
const mostWaitingBytes = 1024 * 1024

export type ScreenOptions = { isTerminal: boolean; out: Writable; notes: Writable }

export class Screen {
  readonly #options: ScreenOptions
  readonly #decoder = new TextDecoder()
  /** A CR whose LF may be in the next chunk. */
  #held = ''
  #leftOut = 0
  #atLineStart = true

  constructor(options: ScreenOptions) {
    this.#options = options
  }

  /** Console bytes. Never waits: nobody who looks may hold up a board. */
  bytes(chunk: Buffer): void {
    const { out, isTerminal } = this.#options
    if (out.writableLength > mostWaitingBytes) {
      this.#leftOut += chunk.length
      return
    }
    if (this.#leftOut > 0) {
      const left = this.#leftOut
      this.#leftOut = 0
      this.note(`${left} bytes were not shown, nobody took them`)
    }
    this.#atLineStart = chunk.at(-1) === 0x0a
    out.write(isTerminal ? chunk : this.#visible(chunk))
  }

  /** A line of our own, which is not the board's: on standard error. */
  note(text: string): void {
    const { notes, isTerminal } = this.#options
    // A raw terminal wants its carriage return.
    const end = isTerminal ? '\r\n' : '\n'
    const start = isTerminal && !this.#atLineStart ? end : ''
    this.#atLineStart = true
    notes.write(`${start}--- ${visible(text)} ---${end}`)
  }

  #visible(chunk: Buffer): string {
    const text = this.#held + this.#decoder.decode(chunk, { stream: true })
    this.#held = text.endsWith('\r') ? '\r' : ''
    const whole = this.#held === '' ? text : text.slice(0, -1)
    return visible(whole, { maxLength: Number.POSITIVE_INFINITY })
  }
}
