/**
 * Finds which of many literals occur in a text, far faster than a regular expression for each could tell.
 *
 * Wu and Manber, "A fast algorithm for multi-pattern searching" (TR 94-17, University of Arizona, 1994): the three
 * characters at the end of a window say how far the window may move without missing the start of a literal.
 */

/** A literal, and the number that the caller knows its owner by. */
type Entry = { literal: string; owner: number }

/** Characters at the window's end that are looked at. */
const blockLength = 3
/** A longer window moves further, but no literal may be shorter than it. */
const maxWindow = 16
/** The shortest literal that a text can be searched for. */
export const minLiteralLength = 5

/** Searches texts for literals of five or more characters; `literals[n]` are those of owner `n`. */
export class Prefilter {
  readonly #window: number
  readonly #shift = new Uint8Array(0x10000)
  readonly #entries: (Entry[] | undefined)[] = new Array(0x10000)

  constructor(literals: readonly (readonly string[])[]) {
    const lengths = literals.flatMap((strings) => strings.map((string) => string.length))
    this.#window = Math.min(maxWindow, ...lengths)
    if (this.#window < minLiteralLength) throw new RangeError('a literal is too short to be searched for')
    this.#shift.fill(this.#window - blockLength + 1)
    for (const [owner, strings] of literals.entries()) {
      for (const literal of strings) this.#add({ literal, owner })
    }
  }

  /** Owners of the literals that occur in the text, ascending and each once; undefined where there are none. */
  owners(text: string): number[] | undefined {
    const shift = this.#shift
    const length = text.length
    let owners: number[] | undefined
    let at = this.#window - 1
    while (at < length) {
      const block = hash(text, at)
      const move = shift[block]!
      if (move > 0) {
        at += move
        continue
      }
      owners = this.#verify(text, at, block, owners)
      at++
    }
    return owners && [...new Set(owners)].sort((left, right) => left - right)
  }

  #add(entry: Entry): void {
    const last = this.#window - 1
    for (let end = blockLength - 1; end <= last; end++) {
      const block = hash(entry.literal, end)
      this.#shift[block] = Math.min(this.#shift[block]!, last - end)
    }
    const block = hash(entry.literal, last)
    this.#entries[block] ??= []
    this.#entries[block].push(entry)
  }

  #verify(text: string, at: number, block: number, found: number[] | undefined): number[] | undefined {
    const start = at - this.#window + 1
    let owners = found
    for (const { literal, owner } of this.#entries[block]!) {
      if (!text.startsWith(literal, start)) continue
      owners ??= []
      owners.push(owner)
    }
    return owners
  }
}

/** 16 bits of the three characters that end at `at`. Blocks that share them only cost a comparison. */
function hash(text: string, at: number): number {
  return ((text.charCodeAt(at - 2) << 10) ^ (text.charCodeAt(at - 1) << 5) ^ text.charCodeAt(at)) & 0xffff
}
