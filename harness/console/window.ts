/** The most recent text of a console, addressed by its position since the console was opened. */

/** Text kept for matching; older text is only in the recording. */
const maxWindow = 1_048_576
/** Text is held in pieces of about this length: the end, which is read again with each chunk, is short to copy. */
const pieceLength = 16_384

/**
 * A bounded window over an endless stream of text. Positions count characters from the stream's start.
 *
 * A serial console comes in thousands of chunks of a few bytes. Nothing is kept that is an object for each of
 * them, since whatever lives on costs the garbage collector a pause, and a pause delays the stamps of all consoles.
 */
export class TextWindow {
  #pieces: { start: number; text: string }[] = []
  /** The text after the last piece, as UTF-16. */
  readonly #tail = Buffer.allocUnsafeSlow(2 * pieceLength)
  #tailStart = 0
  #end = 0
  #stampPositions: number[] = []
  /** Numbers are exact for the first 104 days of a host's uptime and to a few nanoseconds after, as in the journal. */
  #stampNs: number[] = []
  readonly #decoder = new TextDecoder('utf-8')

  /** Position after the last character. */
  get end(): number {
    return this.#end
  }

  push(chunk: Buffer, atNs: bigint): void {
    const text = this.#decoder.decode(chunk, { stream: true })
    if (text === '') return
    this.#stampPositions.push(this.#end)
    this.#stampNs.push(Number(atNs))
    if (this.#end + text.length - this.#tailStart > pieceLength) this.#seal()
    if (text.length > pieceLength) {
      this.#pieces.push({ start: this.#end, text })
      this.#tailStart += text.length
    } else this.#tail.write(text, 2 * (this.#end - this.#tailStart), 'utf16le')
    this.#end += text.length
    if (this.#end - this.#start > 2 * maxWindow) this.#trim()
  }

  /** The text from a position on; text that has left the window is missing at its start. */
  since(position: number): string {
    if (position >= this.#tailStart) return this.#tailFrom(position)
    const index = Math.max(
      0,
      this.#pieces.findLastIndex(({ start }) => start <= position),
    )
    const [first, ...rest] = this.#pieces.slice(index)
    if (!first) return this.#tailFrom(position)
    return [
      first.text.slice(Math.max(0, position - first.start)),
      ...rest.map(({ text }) => text),
      this.#tailFrom(this.#tailStart),
    ].join('')
  }

  /** Arrival of the character at a position, nanoseconds. */
  stampAt(position: number): bigint {
    let low = 0
    let high = this.#stampPositions.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#stampPositions[middle]! <= position) low = middle
      else high = middle - 1
    }
    return BigInt(this.#stampNs[low] ?? 0)
  }

  get #start(): number {
    return this.#pieces[0]?.start ?? this.#tailStart
  }

  #tailFrom(position: number): string {
    const from = Math.max(0, position - this.#tailStart)
    return this.#tail.toString('utf16le', 2 * from, 2 * (this.#end - this.#tailStart))
  }

  /** Makes a piece of the tail, and room for the next one. */
  #seal(): void {
    if (this.#end > this.#tailStart)
      this.#pieces.push({ start: this.#tailStart, text: this.#tailFrom(this.#tailStart) })
    this.#tailStart = this.#end
  }

  #trim(): void {
    const kept = this.#pieces.findLastIndex(({ start }) => this.#end - start >= maxWindow)
    this.#pieces = this.#pieces.slice(Math.max(0, kept))
    const first = Math.max(0, this.#stampPositions.findIndex((position) => position >= this.#start) - 1)
    this.#stampPositions = this.#stampPositions.slice(first)
    this.#stampNs = this.#stampNs.slice(first)
  }
}
