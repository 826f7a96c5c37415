/** The most recent text of a console, addressed by its position since the console was opened. */

/** Text kept for matching; older text is only in the recording. */
const maxWindow = 1_048_576
/** Text is held in pieces of about this length: the end, which is read again with each chunk, is short to copy. */
const pieceLength = 16_384

/** A bounded window over an endless stream of text. Positions count characters from the stream's start. */
export class TextWindow {
  #pieces: { start: number; text: string }[] = []
  #end = 0
  #stamps: { position: number; atNs: bigint }[] = []
  readonly #decoder = new TextDecoder('utf-8')

  /** Position after the last character. */
  get end(): number {
    return this.#end
  }

  push(chunk: Buffer, atNs: bigint): void {
    const text = this.#decoder.decode(chunk, { stream: true })
    if (text === '') return
    this.#stamps.push({ position: this.end, atNs })
    const last = this.#pieces.at(-1)
    if (last && last.text.length < pieceLength) last.text += text
    else this.#pieces.push({ start: this.end, text })
    this.#end += text.length
    if (this.#end - this.#pieces[0]!.start > 2 * maxWindow) this.#trim()
  }

  /** The text from a position on; text that has left the window is missing at its start. */
  since(position: number): string {
    const index = Math.max(
      0,
      this.#pieces.findLastIndex(({ start }) => start <= position),
    )
    const first = this.#pieces[index]
    if (!first) return ''
    const text = first.text.slice(Math.max(0, position - first.start))
    const rest = this.#pieces.slice(index + 1)
    return rest.length === 0 ? text : text + rest.map((piece) => piece.text).join('')
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
    const kept = this.#pieces.findLastIndex(({ start }) => this.#end - start >= maxWindow)
    this.#pieces = this.#pieces.slice(Math.max(0, kept))
    const { start } = this.#pieces[0]!
    const first = this.#stamps.findIndex((stamp) => stamp.position >= start)
    this.#stamps = this.#stamps.slice(Math.max(0, first - 1))
  }
}
