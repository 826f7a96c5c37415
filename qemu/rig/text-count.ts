/** Finds the Nth time that a text is said in a stream of bytes, whatever pieces it comes in. */
export class TextCount {
  readonly #text: Buffer
  #left: number
  #tail = Buffer.alloc(0)

  constructor(text: string, count: number) {
    this.#text = Buffer.from(text)
    this.#left = count
  }

  /** The offset in this piece right after the text's Nth time, once; undefined where it is not in it. */
  push(chunk: Buffer): number | undefined {
    if (this.#left === 0) return undefined
    const tail = this.#tail.length
    const bytes = Buffer.concat([this.#tail, chunk])
    let from = 0
    for (let at = bytes.indexOf(this.#text); at !== -1; at = bytes.indexOf(this.#text, from)) {
      from = at + this.#text.length
      if (--this.#left === 0) return from - tail
    }
    this.#tail = Buffer.from(bytes.subarray(Math.max(from, bytes.length - this.#text.length + 1)))
    return undefined
  }
}
