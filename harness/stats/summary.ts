/** Numbers over several cycles: a distribution, a failure rate, a drift; each with how sure it is. */
import {
  errorFunction,
  median,
  medianAbsoluteDeviation,
  medianSorted,
  numericSort,
  quantileSorted,
} from 'simple-statistics'

type Interval = [low: number, high: number]

/** In the unit of the values. */
export type Summary = {
  n: number
  median: number
  /** Interpolated between its two neighbours (R's type 7). */
  p95: number
  min: number
  max: number
  /** Median absolute deviation from the median, not scaled to a standard deviation. */
  mad: number
  /** 95 % confidence interval of the median; null for fewer than six values. */
  ci95: Interval | null
}

/** Two-sided 95 % of a normal distribution; simple-statistics' probit is right to three digits only. */
const z95 = 1.959963984540054

/**
 * Summarizes a sample; values that are no finite number are left out and not counted.
 * Throws RangeError when no value is left.
 */
export function summarize(values: readonly number[]): Summary {
  const sorted = numericSort(values.filter(Number.isFinite))
  const min = sorted[0]
  const max = sorted.at(-1)
  if (min === undefined || max === undefined) throw new RangeError('summarize: no finite value to summarize')
  return {
    n: sorted.length,
    median: medianSorted(sorted),
    p95: quantileSorted(sorted, 0.95),
    min,
    max,
    mad: medianAbsoluteDeviation(sorted),
    ci95: medianInterval(sorted),
  }
}

/**
 * The exact, distribution-free interval between two order statistics, symmetric in rank, that covers the median with at
 * least 95 % (Hahn and Meeker, Statistical Intervals, section 5.2; Conover, Practical Nonparametric Statistics, section 3.2).
 * Even the whole range of five values covers it with 93.75 % only, so there is none below six.
 */
function medianInterval(sorted: readonly number[]): Interval | null {
  const n = sorted.length
  let rank = 0
  let logProbability = -n * Math.LN2
  let tail = Math.exp(logProbability)
  while (tail <= 0.025) {
    rank++
    logProbability += Math.log((n - rank + 1) / rank)
    tail += Math.exp(logProbability)
  }
  return rank === 0 ? null : [sorted[rank - 1]!, sorted[n - rank]!]
}

/** A rate between 0 and 1 with Wilson's 95 % score interval. */
export type Proportion = { rate: number; ci95: Interval }

/**
 * `failures` of `n` as a rate with Wilson's interval (Wilson 1927; Newcombe 1998, method 3), which stays honest at 0 of n.
 * 0 of 0 knows nothing: rate 0, interval 0 to 1. Throws RangeError unless 0 <= failures <= n, both whole.
 */
export function proportion(failures: number, n: number): Proportion {
  if (!Number.isInteger(failures) || !Number.isInteger(n) || failures < 0 || failures > n) {
    throw new RangeError(`proportion: ${failures} of ${n} is no proportion`)
  }
  if (n === 0) return { rate: 0, ci95: [0, 1] }
  const rate = failures / n
  const z2 = z95 ** 2
  const center = (rate + z2 / (2 * n)) / (1 + z2 / n)
  const half = (z95 * Math.sqrt((rate * (1 - rate) + z2 / (4 * n)) / n)) / (1 + z2 / n)
  return {
    rate,
    // Rounding must not push the ends past the certain ones.
    ci95: [failures === 0 ? 0 : center - half, failures === n ? 1 : center + half],
  }
}

export type Drift = {
  /** How many values were compared. */
  n: number
  /** Theil-Sen slope: the median of the slopes between all pairs, in the unit of the values a step. */
  slopePerStep: number
  /** Sen's 95 % interval of the slope. */
  ci95: Interval
  /** Two-sided p value of the Mann-Kendall test for a trend of any shape. */
  p: number
  /** p < 0.05. */
  significant: boolean
}

/** All pairs are compared, so longer series are thinned out evenly to this many values. */
const mostValues = 2000

/**
 * Tells whether values drift over their index; values that are no finite number are left out, the steps between the others stay.
 * Null for fewer than four values. Sources: Sen 1968; Gilbert 1987, Statistical Methods for Environmental Pollution
 * Monitoring, sections 16.4 and 16.5 (normal approximation, corrected for ties and continuity).
 */
export function drift(values: readonly number[]): Drift | null {
  const points = thinned(
    values.flatMap((value, step) => (Number.isFinite(value) ? [{ step, value }] : [])),
    mostValues,
  )
  const n = points.length
  if (n < 4) return null
  const slopes: number[] = []
  let score = 0
  for (const [index, later] of points.entries()) {
    for (const earlier of points.slice(0, index)) {
      score += Math.sign(later.value - earlier.value)
      slopes.push((later.value - earlier.value) / (later.step - earlier.step))
    }
  }
  const sigma = Math.sqrt(scoreVariance(points.map(({ value }) => value)))
  const z = sigma === 0 ? 0 : Math.max(0, Math.abs(score) - 1) / sigma
  const p = Math.max(0, Math.min(1, 1 - errorFunction(z / Math.SQRT2)))
  return { n, slopePerStep: median(slopes), ci95: slopeInterval(slopes, sigma), p, significant: p < 0.05 }
}

/** Variance of the Mann-Kendall score where nothing drifts; each group of equal values lowers it. */
function scoreVariance(values: readonly number[]): number {
  const term = (count: number) => count * (count - 1) * (2 * count + 5)
  const ties = [...Map.groupBy(values, (value) => value).values()].map((group) => term(group.length))
  return (term(values.length) - ties.reduce((sum, tie) => sum + tie, 0)) / 18
}

/** Gilbert 1987, section 16.5.1; ranks between two slopes are rounded outwards. */
function slopeInterval(slopes: readonly number[], sigma: number): Interval {
  const sorted = numericSort([...slopes])
  const low = Math.floor((sorted.length - z95 * sigma) / 2)
  const high = Math.ceil((sorted.length + z95 * sigma) / 2) + 1
  return [sorted[Math.max(1, low) - 1]!, sorted[Math.min(sorted.length, high) - 1]!]
}

/** At most so many of them, evenly spread. */
export function thinned<T>(items: readonly T[], most: number): readonly T[] {
  if (items.length <= most) return items
  return Array.from({ length: most }, (_, index) => items[Math.floor((index * items.length) / most)]!)
}
