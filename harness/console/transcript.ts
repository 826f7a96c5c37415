/** What a console says, without the means to answer: recorded, freed of control sequences, cut into lines. */
import { msBetween } from '../clock.ts'
import { AnsiStripper } from './ansi.ts'
import { type Line, LineSplitter } from './lines.ts'
import type { ConsoleRecorder } from './recorder.ts'

/** What a chunk adds: text without control sequences, and the lines that it completes. */
export type Said = { plain: Buffer; lines: Line[] }

export class Transcript {
  readonly #recorder: ConsoleRecorder | undefined
  readonly #splitter = new LineSplitter()
  #stripper = new AnsiStripper()
  #lostNs: bigint | undefined

  constructor(recorder?: ConsoleRecorder) {
    this.#recorder = recorder
  }

  /** Takes in bytes that arrived at `atNs`. */
  push(chunk: Buffer, atNs: bigint): Said {
    this.#recorder?.raw(chunk, atNs)
    const plain = this.#stripper.strip(chunk)
    return { plain, lines: this.#recorded(this.#splitter.push(plain, atNs)) }
  }

  /** Takes in bytes that were typed, for the recording. */
  typed(bytes: Buffer, atNs: bigint): void {
    this.#recorder?.typed(bytes, atNs)
  }

  /** Says that what comes next is missing until `back`; returns the line that was unfinished. */
  lost(reason: string, atNs: bigint): Line[] {
    if (this.#lostNs !== undefined) return []
    this.#lostNs = atNs
    const cut = this.end()
    // A control sequence that was cut must not swallow what comes after.
    this.#stripper = new AnsiStripper()
    this.#recorder?.note(`console lost: ${reason}`, atNs)
    return cut
  }

  back(atNs: bigint): void {
    if (this.#lostNs === undefined) return
    const seconds = (msBetween(this.#lostNs, atNs) / 1000).toFixed(1)
    this.#recorder?.note(`console back after ${seconds} s`, atNs)
    this.#lostNs = undefined
  }

  /** Ends the unfinished line, where there is one, and returns it. */
  end(): Line[] {
    return this.#recorded(this.#splitter.flush())
  }

  #recorded(lines: Line[]): Line[] {
    if (lines.length > 0) this.#recorder?.lines(lines)
    return lines
  }
}
