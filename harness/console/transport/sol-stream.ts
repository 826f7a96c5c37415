/** What `ipmitool sol activate` adds to a console, taken out; and what it would take for a command, escaped. */

/** ipmitool's own words (lib/ipmi_sol.c of 1.8.19). */
const banner = Buffer.from('[SOL Session operational.  Use ~? for help]\n')
const breakNotice = Buffer.from('~B [send break]\n')
const tilde = '~'.charCodeAt(0)

/** Standard output: a banner, then the console, with a notice for each BREAK. */
export class SolOutput {
  readonly #onUp: () => void
  /** What is to be taken out next, and what came that may be a part of it. */
  #expected: Buffer[] = [banner]
  #held: Buffer = Buffer.alloc(0)

  /** @param onUp called when the session is there */
  constructor(onUp: () => void) {
    this.#onUp = onUp
  }

  expectBreakNotice(): void {
    this.#expected.push(breakNotice)
  }

  /** The console's bytes. */
  push(chunk: Buffer): Buffer {
    const [expected] = this.#expected
    if (expected === undefined) return chunk
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    const at = bytes.indexOf(expected)
    if (at === -1) {
      // All before the banner is kept: it is ipmitool's, not the console's.
      const held = expected === banner ? bytes.length : commonEnd(bytes, expected)
      this.#held = bytes.subarray(bytes.length - held)
      return bytes.subarray(0, bytes.length - held)
    }
    this.#expected.shift()
    this.#held = Buffer.alloc(0)
    const before = expected === banner ? Buffer.alloc(0) : bytes.subarray(0, at)
    if (expected === banner) this.#onUp()
    return Buffer.concat([before, this.push(bytes.subarray(at + expected.length))])
  }
}

/** Standard input: after a line end, `~` begins a command of ipmitool's, `~~` is one that is typed. */
export class SolInput {
  #afterLineEnd = true

  escape(bytes: Buffer): Buffer {
    const out: number[] = []
    for (const byte of bytes) {
      if (byte === tilde && this.#afterLineEnd) out.push(tilde)
      out.push(byte)
      this.#afterLineEnd = byte === 0x0d || byte === 0x0a
    }
    return Buffer.from(out)
  }

  /** A BREAK can be asked for only after a line end: within a line, Enter is typed before it. */
  breakSequence(): Buffer {
    const sequence = Buffer.from(this.#afterLineEnd ? '~B' : '\r~B')
    this.#afterLineEnd = false
    return sequence
  }
}

/** Length of the longest end of `bytes` that `pattern` begins with. */
function commonEnd(bytes: Buffer, pattern: Buffer): number {
  for (let length = Math.min(bytes.length, pattern.length - 1); length > 0; length--)
    if (bytes.subarray(-length).equals(pattern.subarray(0, length))) return length
  return 0
}
