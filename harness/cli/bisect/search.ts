/** Binary search for the first bad one in a list, around those that can't be tested. */

/** What is known of one of the list; undefined: not tested yet. */
export type Known = 'good' | 'bad' | 'skipped' | undefined

/** What to do next, in positions of the list. */
export type Step =
  | { type: 'test'; index: number; lastGood: number; firstBad: number; left: number }
  | { type: 'found'; lastGood: number; firstBad: number }
  /** Each of `culprits` may be the first bad one: all but the last could not be tested. */
  | { type: 'narrowed'; lastGood: number; firstBad: number; culprits: number[] }

/**
 * The next step, for a list of which the first is good and the last is bad. The middle of what is left is tested, or, where
 * some could not be, what is nearest to a half, a quarter, three quarters and so on of it: neighbours often share what
 * makes one untestable. Throws RangeError where the list does not begin with good and end with bad.
 */
export function nextStep(known: readonly Known[]): Step {
  const firstBad = known.indexOf('bad')
  const lastGood = known.slice(0, Math.max(0, firstBad)).lastIndexOf('good')
  if (firstBad === -1 || lastGood === -1)
    throw new RangeError('nextStep: nothing is good, or nothing after it is bad')
  const between = known.flatMap((one, index) =>
    index > lastGood && index < firstBad ? [{ one, index }] : [],
  )
  const untested = between.filter(({ one }) => one === undefined).map(({ index }) => index)
  if (untested.length === 0) {
    if (between.length === 0) return { type: 'found', lastGood, firstBad }
    return {
      type: 'narrowed',
      lastGood,
      firstBad,
      culprits: [...between.map(({ index }) => index), firstBad],
    }
  }
  const wanted = lastGood + (firstBad - lastGood) * fraction(between.length - untested.length)
  const distance = (index: number) => Math.abs(index - wanted)
  const index = untested.reduce((best, one) => (distance(one) < distance(best) ? one : best))
  return { type: 'test', index, lastGood, firstBad, left: between.length }
}

/** 1/2, 1/4, 3/4, 1/8, 5/8, …: van der Corput's sequence, whose beginnings are all spread evenly. */
function fraction(count: number): number {
  let value = 0
  for (let rest = count + 1, share = 0.5; rest > 0; rest = Math.floor(rest / 2), share /= 2)
    value += (rest % 2) * share
  return value
}
