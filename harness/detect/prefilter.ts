/**
 * Finds which of many literals may occur in a text, far faster than a regular expression for each could tell.
 *
 * Wu and Manber, "A fast algorithm for multi-pattern searching" (TR 94-17, University of Arizona, 1994): the two
 * characters at the end of a window say how far the window may move without missing the start of a literal.
 */

/** One literal, and the number that the caller knows its owner by. */
type Entry = { literal: string; windowStart: number; owner: number }

/** Longer windows move further, but are only as long as the shortest literal. */
const maxWindow = 8
/** The shortest literal that a text can be searched for. */
export const minLiteralLength = 4

/** Searches texts for literals, each of at least four characters; `literals[n]` are those of owner `n`. */
export class Prefilter {
  readonly #window: number
  readonly #shift = new Uint8Array(0x10000)
  readonly #entries = new Map<number, Entry[]>()

  constructor(literals: readonly (readonly string[])[]) {
    const lengths = literals.flatMap((strings) => strings.map((string) => string.length))
    this.#window = Math.min(maxWindow, ...lengths)
    if (this.#window < minLiteralLength) throw new RangeError('a literal is too short to be searched for')
    this.#shift.fill(this.#window - 1)
    for (const [owner, strings] of literals.entries()) {
      for (const literal of strings) this.#add(literal, owner)
    }
  }

  /** Owners of the literals that occur in the text, ascending and each once; undefined where there are none. */
  owners(text: string): number[] | undefined {
    const shift = this.#shift
    const length = text.length
    let owners: number[] | undefined
    let at = this.#window - 1
    while (at < length) {
      const move = shift[key(text, at)]!
      if (move > 0) {
        at += move
        continue
      }
      owners = this.#verify(text, at, owners)
      at++
    }
    return owners && [...new Set(owners)].sort((left, right) => left - right)
  }

  #add(literal: string, owner: number): void {
    const window = this.#window
    const windowStart = rarestWindow(literal, window)
    for (let end = 1; end < window; end++) {
      const pair = key(literal, windowStart + end)
      this.#shift[pair] = Math.min(this.#shift[pair]!, window - 1 - end)
    }
    const last = key(literal, windowStart + window - 1)
    const entries = this.#entries.get(last) ?? []
    this.#entries.set(last, [...entries, { literal, windowStart, owner }])
  }

  #verify(text: string, at: number, found: number[] | undefined): number[] | undefined {
    const start = at - this.#window + 1
    let owners = found
    for (const { literal, windowStart, owner } of this.#entries.get(key(text, at)) ?? []) {
      if (start >= windowStart && text.startsWith(literal, start - windowStart)) {
        owners ??= []
        owners.push(owner)
      }
    }
    return owners
  }
}

/** The character at `at` and the one before it, 8 bits of each: others only cost a comparison. */
function key(text: string, at: number): number {
  return ((text.charCodeAt(at - 1) & 0xff) << 8) | (text.charCodeAt(at) & 0xff)
}

/** Where in the literal the window lies best: on capitals and signs, which logs hold fewer of than small letters. */
function rarestWindow(literal: string, window: number): number {
  const common = (start: number) => literal.slice(start, start + window).match(/[a-z ]/g)?.length ?? 0
  let rarest = 0
  for (let start = 1; start + window <= literal.length; start++) {
    if (common(start) < common(rarest)) rarest = start
  }
  return rarest
}
