/** The most recent text of a console, addressed by its position since the console was opened. */

/** Text kept for matching; older text is only in the recording. */
const maxWindow = 1_048_576

/** A bounded window over an endless stream of text. Positions count characters from the stream's start. */
export class TextWindow {
  #text = ''
  #start = 0
  #stamps: { position: number; atNs: bigint }[] = []
  readonly #decoder = new TextDecoder('utf-8')

  /** Position after the last character. */
  get end(): number {
    return this.#start + this.#text.length
  }

  push(chunk: Buffer, atNs: bigint): void {
    const text = this.#decoder.decode(chunk, { stream: true })
    if (text === '') return
    this.#stamps.push({ position: this.end, atNs })
    this.#text += text
    if (this.#text.length > 2 * maxWindow) this.#trim()
  }

  /** The text from a position on; text that has left the window is missing at its start. */
  since(position: number): string {
    return this.#text.slice(Math.max(0, position - this.#start))
  }

  /** Arrival of the character at a position, nanoseconds. */
  stampAt(position: number): bigint {
    let low = 0
    let high = this.#stamps.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#stamps[middle]!.position <= position) low = middle
      else high = middle - 1
    }
    return this.#stamps[low]?.atNs ?? 0n
  }

  #trim(): void {
    const drop = this.#text.length - maxWindow
    this.#text = this.#text.slice(drop)
    this.#start += drop
    const first = this.#stamps.findIndex((stamp) => stamp.position >= this.#start)
    this.#stamps = this.#stamps.slice(Math.max(0, first - 1))
  }
}
