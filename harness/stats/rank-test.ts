/** Whether two samples differ, and by how much, told from ranks alone: gaps have heavy tails, and means would follow those. */
import { errorFunction, medianSorted, numericSort } from 'simple-statistics'

export type RankTest = {
  /** Pairs in which the second sample's value is the larger one; equal ones count a half. */
  u: number
  /** Two-sided. */
  p: number
  method: 'exact' | 'normal'
  /** Cliff's delta: -1 where each value of the second sample is below all of the first, 1 where it is above. */
  delta: number
}

/** Up to here each way of mixing the samples can be counted in a number without rounding: C(50, 25) is 1.3e14. */
const largestExact = 50

/**
 * Mann-Whitney's test: exact for up to 50 values without ties, else the normal approximation, corrected for ties and
 * continuity (Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, section 4.1). Effect size: Cliff 1993.
 * Throws RangeError for an empty sample.
 */
export function mannWhitney(first: readonly number[], second: readonly number[]): RankTest {
  const n = first.length
  const m = second.length
  if (n === 0 || m === 0) throw new RangeError('mannWhitney: a sample is empty')
  const { rankSum, ties } = rank(first, second)
  const u = rankSum - (m * (m + 1)) / 2
  const exact = ties.length === 0 && n + m <= largestExact
  const p = exact ? exactP(u, n, m) : normalP(u, n, m, ties)
  return { u, p, method: exact ? 'exact' : 'normal', delta: (2 * u) / (n * m) - 1 }
}

/** Ranks of the second sample among all, summed, and how many values each group of equal ones has. */
function rank(first: readonly number[], second: readonly number[]): { rankSum: number; ties: number[] } {
  const all = [
    ...first.map((value) => ({ value, own: 0 })),
    ...second.map((value) => ({ value, own: 1 })),
  ].sort((left, right) => left.value - right.value)
  let rankSum = 0
  const ties: number[] = []
  for (let start = 0; start < all.length; ) {
    let end = start
    let own = 0
    for (; end < all.length && all[end]!.value === all[start]!.value; end++) own += all[end]!.own
    // The mean of the ranks from start + 1 to end.
    rankSum += (own * (start + 1 + end)) / 2
    if (end - start > 1) ties.push(end - start)
    start = end
  }
  return { rankSum, ties }
}

function exactP(u: number, n: number, m: number): number {
  const counts = countsOfU(n, m)
  const smaller = Math.min(u, n * m - u)
  let tail = 0
  for (let value = 0; value <= smaller; value++) tail += counts[value]!
  return Math.min(1, (2 * tail) / mixtures(n, m))
}

function normalP(u: number, n: number, m: number, ties: readonly number[]): number {
  const all = n + m
  const tied = ties.reduce((sum, count) => sum + count ** 3 - count, 0)
  const variance = ((n * m) / 12) * (all + 1 - tied / (all * (all - 1)))
  if (variance === 0) return 1
  const z = Math.max(0, Math.abs(u - (n * m) / 2) - 0.5) / Math.sqrt(variance)
  return Math.max(0, Math.min(1, 1 - errorFunction(z / Math.SQRT2)))
}

/**
 * How many of the ways to mix the samples give each U: the coefficients of a Gaussian binomial, one factor after another
 * multiplied and divided (Mann and Whitney 1947, section 3, in closed form).
 */
function countsOfU(n: number, m: number): readonly number[] {
  const key = n * (largestExact + 1) + m
  const counts = known.get(key) ?? countAnew(n, m)
  known.set(key, counts)
  return counts
}

/** The phases of a comparison mostly have the same numbers of values. */
const known = new Map<number, readonly number[]>()

function countAnew(n: number, m: number): number[] {
  const largest = n * m
  const counts = [1, ...Array.from({ length: largest }, () => 0)]
  for (let factor = 1; factor <= n; factor++) {
    const raised = m + factor
    for (let power = largest; power >= raised; power--) counts[power]! -= counts[power - raised]!
    for (let power = factor; power <= largest; power++) counts[power]! += counts[power - factor]!
  }
  return counts
}

function mixtures(n: number, m: number): number {
  let count = 1
  for (let index = 1; index <= n; index++) count = (count * (m + index)) / index
  return Math.round(count)
}

/** The smallest p that samples of these sizes can give: where no value of one lies among the other's. */
export function smallestP(n: number, m: number): number {
  return n + m <= largestExact ? Math.min(1, 2 / mixtures(n, m)) : normalP(0, n, m, [])
}

export type Shift = {
  /** Hodges and Lehmann's estimate: the median of all differences, second minus first. */
  shift: number
  /** Its 95 % interval by Moses; null where the samples are too small for one. */
  ci95: [low: number, high: number] | null
}

/** All pairs are compared, so larger samples are thinned out evenly, after sorting, to this many values. */
const mostValues = 250
const z975 = 1.959963984540054

/**
 * By how much the second sample is shifted, with its distribution-free interval (Hollander, Wolfe and Chicken, sections 4.2
 * and 4.3), in the unit of the values. Throws RangeError for an empty sample.
 */
export function shiftBetween(first: readonly number[], second: readonly number[]): Shift {
  const from = thinned(numericSort(first))
  const to = thinned(numericSort(second))
  if (from.length === 0 || to.length === 0) throw new RangeError('shiftBetween: a sample is empty')
  const differences = new Float64Array(from.length * to.length)
  let index = 0
  for (const after of to) for (const before of from) differences[index++] = after - before
  const sorted = Array.from(differences.sort())
  const lowest = criticalRank(from.length, to.length)
  return {
    shift: medianSorted(sorted),
    ci95: lowest < 1 ? null : [sorted[lowest - 1]!, sorted[sorted.length - lowest]!],
  }
}

/** The rank of the difference that the interval begins with; 0 where even all of them cover less than 95 %. */
function criticalRank(n: number, m: number): number {
  if (n + m > largestExact) return Math.floor((n * m) / 2 - z975 * Math.sqrt((n * m * (n + m + 1)) / 12))
  const counts = countsOfU(n, m)
  const most = 0.025 * mixtures(n, m)
  let rank = 0
  for (let tail = counts[0]!; tail <= most; tail += counts[rank]!) rank++
  return rank
}

function thinned(sorted: readonly number[]): readonly number[] {
  if (sorted.length <= mostValues) return sorted
  // The middle of each of equally many parts, so that both tails are thinned alike.
  return Array.from(
    { length: mostValues },
    (_, index) => sorted[Math.floor(((index + 0.5) * sorted.length) / mostValues)]!,
  )
}
