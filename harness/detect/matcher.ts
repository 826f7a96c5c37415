/** Which signatures a console line shows: the one line matcher of the harness. */
import { parsePattern, requiredLiterals } from './pattern.ts'
import { Prefilter } from './prefilter.ts'
import type { Signature } from './signature.ts'

/** Tells which signatures match a line, in the catalogue's order. Phases are left to the caller. */
export type Matcher = { match(text: string): readonly Signature[] }

const none: readonly Signature[] = []

/** A matcher of these signatures. A line's patterns are only tried where it contains a literal that they require. */
export function createMatcher(signatures: readonly Signature[]): Matcher {
  if (signatures.length === 0) return { match: () => none }
  const prefilter = new Prefilter(signatures.map(({ pattern }) => requiredLiterals(parsePattern(pattern))))
  const regexes = signatures.map(({ pattern }) => new RegExp(pattern))
  return {
    match(text) {
      const owners = prefilter.owners(text)
      if (owners === undefined) return none
      return owners.filter((owner) => regexes[owner]!.test(text)).map((owner) => signatures[owner]!)
    },
  }
}
