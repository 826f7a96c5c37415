/** Takes secrets out of what a console says. */

const asterisk = '*'.charCodeAt(0)

/**
 * Replaces each occurrence of a secret in a stream of bytes by as many asterisks as it has bytes. The end of a chunk is
 * held back only while it may be the beginning of a secret; it is handed out with the chunk that decides it, or by
 * `flush`. There is no timer: a recording loses nothing by that, and who shows bytes to a person calls `flush` when the
 * console is quiet.
 */
export class Redactor {
  readonly #secrets: Buffer[]
  #held: Buffer = Buffer.alloc(0)
  /** How many of the first bytes held belong to a secret that began before them. */
  #covered = 0

  /** @param secrets empty ones are left out */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets.filter((secret) => secret !== '').map((secret) => Buffer.from(secret))
  }

  /** What can be handed out now. */
  push(chunk: Buffer): Buffer {
    if (this.#secrets.length === 0) return chunk
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    return this.#release(bytes, bytes.length - this.#undecided(bytes))
  }

  /** What was held back: nothing follows it, so it is no secret as a whole. */
  flush(): Buffer {
    return this.#release(this.#held, this.#held.length)
  }

  #release(bytes: Buffer, length: number): Buffer {
    let out = bytes
    const cover = (start: number, end: number) => {
      if (out === bytes) out = Buffer.from(bytes)
      out.fill(asterisk, start, end)
    }
    if (this.#covered > 0) cover(0, this.#covered)
    let coveredEnd = this.#covered
    for (const secret of this.#secrets)
      for (let at = bytes.indexOf(secret); at !== -1; at = bytes.indexOf(secret, at + 1)) {
        cover(at, at + secret.length)
        if (at < length) coveredEnd = Math.max(coveredEnd, at + secret.length)
      }
    this.#covered = Math.max(0, coveredEnd - length)
    this.#held = bytes.subarray(length)
    return out.subarray(0, length)
  }

  /** How many bytes at the end could be the beginning of a secret. */
  #undecided(bytes: Buffer): number {
    const longest = Math.max(...this.#secrets.map((secret) => secret.length))
    for (let length = Math.min(bytes.length, longest - 1); length > 0; length--) {
      const end = bytes.subarray(-length)
      if (this.#secrets.some((secret) => secret.length > length && end.equals(secret.subarray(0, length))))
        return length
    }
    return 0
  }
}

/** Replaces secrets in a whole text. */
export function redactText(text: string, secrets: readonly string[]): string {
  if (!secrets.some((secret) => secret !== '' && text.includes(secret))) return text
  const redactor = new Redactor(secrets)
  return Buffer.concat([redactor.push(Buffer.from(text)), redactor.flush()]).toString('utf8')
}
