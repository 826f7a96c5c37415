import { closestMatch } from 'leven'

/** The candidate that somebody who typed `word` most likely meant, or undefined when none is close. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  // Edit distance is quadratic, and nobody mistypes a name this long.
  if (word === '' || word.length > 100) return undefined
  const typed = word.toLowerCase()
  const byFolded = new Map(candidates.map((candidate) => [candidate.toLowerCase(), candidate]))
  const maxDistance = Math.min(4, Math.max(1, Math.ceil(word.length * 0.4)))
  const close = closestMatch(typed, [...byFolded.keys()], { maxDistance })
  if (close !== undefined) return byFolded.get(close)
  return typed.length < 3
    ? undefined
    : candidates.find((candidate) => candidate.toLowerCase().includes(typed))
}

/** `; did you mean "console"?`, or nothing when no candidate is close to `word`. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const found = nearest(word, candidates)
  return found === undefined ? '' : `; did you mean "${found}"?`
}
