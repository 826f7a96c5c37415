/** Reads a stream in pieces of a wanted size, holding no more than one chunk of it. */
export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  #rest: Uint8Array = new Uint8Array()
  #position = 0

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]()
  }

  /** Bytes read or skipped so far. */
  get position(): number {
    return this.#position
  }

  /** The next `length` bytes, fewer at the end of the stream. Ask for small pieces only: they are held in memory. */
  async read(length: number): Promise<Buffer> {
    const pieces: Uint8Array[] = []
    let missing = length
    while (missing > 0 && (await this.#fill())) {
      const piece = this.#take(missing)
      pieces.push(piece)
      missing -= piece.length
    }
    return Buffer.concat(pieces)
  }

  /** Goes `length` bytes on; returns how many there were. */
  async skip(length: number): Promise<number> {
    let missing = length
    while (missing > 0 && (await this.#fill())) missing -= this.#take(missing).length
    return length - missing
  }

  /** Goes on to the first byte that is not zero and leaves it to be read; false at the end of the stream. */
  async skipZeros(): Promise<boolean> {
    while (await this.#fill()) {
      const end = this.#rest.findIndex((byte) => byte !== 0)
      this.#take(end === -1 ? this.#rest.length : end)
      if (end !== -1) return true
    }
    return false
  }

  #take(length: number): Uint8Array {
    const piece = this.#rest.subarray(0, length)
    this.#rest = this.#rest.subarray(piece.length)
    this.#position += piece.length
    return piece
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next()
      if (done) return false
      this.#rest = value
    }
    return true
  }
}
