/** Cuts a stream of stamped bytes into lines. */

/** One line of a console. */
export type Line = {
  /** Without its line end and without terminal control sequences; invalid UTF-8 shows as U+FFFD. */
  text: string
  /** Arrival of the line's first byte: CLOCK_MONOTONIC, nanoseconds. */
  atNs: bigint
  /** True where a line grew past the limit and was cut: the rest follows as the next line. */
  cut: boolean
}

/** A line longer than this is cut, so that a console that never sends a line end cannot fill the memory. */
export const maxLineBytes = 16_384

const lineFeed = 0x0a

/** Collects chunks and hands out whole lines, each with the time of its first byte. */
export class LineSplitter {
  #pending: Buffer[] = []
  #pendingBytes = 0
  #startNs = 0n

  /** The lines that this chunk completes. */
  push(chunk: Buffer, atNs: bigint): Line[] {
    const lines: Line[] = []
    let start = 0
    while (start < chunk.length) {
      const end = chunk.indexOf(lineFeed, start)
      const stop = end === -1 ? chunk.length : end
      this.#append(chunk, start, stop, atNs, lines)
      if (end === -1) break
      lines.push(this.#take(atNs, false))
      start = end + 1
    }
    return lines
  }

  /** What has come of a line that has not ended yet: a prompt, or the last words of a dead machine. */
  get partial(): string {
    return decode(this.#pending)
  }

  /** Ends the partial line, where there is one. */
  flush(): Line[] {
    return this.#pendingBytes === 0 ? [] : [this.#take(this.#startNs, true)]
  }

  #append(chunk: Buffer, from: number, to: number, atNs: bigint, lines: Line[]): void {
    let start = from
    while (start < to) {
      if (this.#pendingBytes === 0) this.#startNs = atNs
      const room = maxLineBytes - this.#pendingBytes
      const stop = Math.min(to, start + room)
      const piece = start === 0 && stop === chunk.length ? chunk : chunk.subarray(start, stop)
      this.#pending.push(piece)
      this.#pendingBytes += piece.length
      start += piece.length
      if (this.#pendingBytes === maxLineBytes) lines.push(this.#take(atNs, true))
    }
  }

  #take(atNs: bigint, cut: boolean): Line {
    const line = { text: decode(this.#pending), atNs: this.#pendingBytes === 0 ? atNs : this.#startNs, cut }
    this.#pending = []
    this.#pendingBytes = 0
    return line
  }
}

function decode(pieces: Buffer[]): string {
  const bytes = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0x0d) end--
  return bytes.toString('utf8', 0, end)
}
