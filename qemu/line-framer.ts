/** Cuts a stream of bytes into lines of bounded length, however the bytes arrive. */

/** `truncated`: the line was longer than the limit; `text` is its start. */
export type FramedLine = { text: string; truncated: boolean }

const keptOfTruncated = 256

export class LineFramer {
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #bytes = 0
  #overflowed = false

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The lines that `chunk` completes, without their line ends; empty lines are left out. */
  push(chunk: Buffer): FramedLine[] {
    const lines: FramedLine[] = []
    let start = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      this.#add(chunk.subarray(start, end))
      const line = this.#take()
      if (line.text !== '') lines.push(line)
      start = end + 1
    }
    this.#add(chunk.subarray(start))
    return lines
  }

  #add(part: Buffer): void {
    if (this.#overflowed || part.length === 0) return
    this.#parts.push(part)
    this.#bytes += part.length
    if (this.#bytes <= this.#maxBytes) return
    this.#overflowed = true
    this.#parts = [Buffer.concat(this.#parts).subarray(0, keptOfTruncated)]
  }

  #take(): FramedLine {
    const text = Buffer.concat(this.#parts).toString('utf8').trim()
    const line = { text, truncated: this.#overflowed }
    this.#parts = []
    this.#bytes = 0
    this.#overflowed = false
    return line
  }
}
