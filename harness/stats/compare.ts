/** Which of many things changed between two measurements: larger than the noise, and large enough to matter. */
import { median } from 'simple-statistics'
import { mannWhitney, shiftBetween, smallestP } from './rank-test.ts'
import { pooledT } from './t-test.ts'

/** What a change has to exceed to count, both of them. */
export type Thresholds = {
  /** Of the median before: 0.05 is 5 %. */
  share: number
  /** In milliseconds. */
  ms: number
}

export const defaultThresholds: Thresholds = { share: 0.05, ms: 20 }

/** The same thing measured twice: the values of each run, before and after. */
export type Pair = {
  from: readonly (readonly number[])[]
  to: readonly (readonly number[])[]
  thresholds?: Thresholds
  /** What may slow this and all other pairs of the same name at once, such as the load of an emulator's host. */
  shared?: string | undefined
  /** It is in the time of another pair already, and has no voice in what moved all. */
  isPart?: boolean
}

type ChangeVerdict = 'slower' | 'faster' | 'no change' | 'too few cycles'

/** All in the unit of the values, milliseconds, but for counts and shares. */
export type Change = {
  from: { n: number; median: number }
  to: { n: number; median: number }
  /** Hodges and Lehmann's shift with its 95 % interval. */
  shift: number
  ci95: [number, number] | null
  /** The shift as a share of the median before. */
  share: number
  /** By which share all that is shared moved, where there are too few runs to tell what runs differ by; else 0. */
  commonShare: number
  /** Two-sided, of the rank test between all values; the larger one of with and without the common share. */
  p: number
  /** Two-sided, of the t test between the medians of runs; null where there are too few runs for one. */
  pRuns: number | null
  /** The larger of both, corrected for all that was compared at once (Holm 1979). */
  corrected: number
  /** Cliff's delta, -1 to 1. */
  delta: number
  /** By how much medians of runs differ that were taken together on one side. */
  betweenRuns: number
  verdict: ChangeVerdict
}

const level = 0.05
/** At least a medium effect, after Romano and others 2006: what is less is seen in large samples only. */
const leastDelta = 0.33
/** With fewer, what changed by itself may well be the one in the middle. */
const fewestShared = 5
/** How many times what everything moved by a change has to exceed: load does not slow everything alike. */
const standsOut = 2

/**
 * Compares each pair; each has at least one value on each side. At most 5 % of comparisons of things that did not change say
 * that any of the pairs did: p values are corrected by Holm's method for as many pairs as could tell anything (Tarone 1990):
 * those with too few values can't, and take no part. Where a side is made of several runs, a change also has to stand out
 * from what runs differ by: cycles of one run share the load of their host, and are no independent draws.
 */
export function compareAll(pairs: readonly Pair[]): Change[] {
  const changes = pairs.map((pair) => measure(pair))
  for (const [shared, indices] of Map.groupBy(changes.keys(), (index) => pairs[index]!.shared))
    if (shared !== undefined)
      setCommon(indices.map((index) => ({ pair: pairs[index]!, change: changes[index]! })))
  const told = new Set(tellable(changes))
  correct([...told])
  return changes.map((change, index) => ({
    ...change,
    verdict: told.has(change)
      ? judge(change, pairs[index]!.thresholds ?? defaultThresholds)
      : 'too few cycles',
  }))
}

/**
 * Where too few runs say how much runs differ, what moved everything is told from what moved by itself: by the share of the pair
 * in the middle, which a change of less than half of them does not reach. What is too short to count at all has no voice either.
 */
function setCommon(all: readonly { pair: Pair; change: Change }[]): void {
  const heard = all.filter(({ pair: { thresholds = defaultThresholds, isPart }, change: { from, to } }) => {
    return !isPart && Math.max(from.median, to.median) > thresholds.ms
  })
  if (heard.length < fewestShared) return
  const commonShare = median(heard.map(({ change }) => change.share))
  for (const { pair, change } of all) {
    if (change.pRuns !== null) continue
    const apart = pair.to.flat().map((value) => value / (1 + commonShare))
    change.commonShare = commonShare
    change.p = Math.max(change.p, mannWhitney(pair.from.flat(), apart).p)
  }
}

function measure(pair: Pair): Change {
  const from = pair.from.flat()
  const to = pair.to.flat()
  const before = median(from)
  const { shift, ci95 } = shiftBetween(from, to)
  const [mediansBefore, mediansAfter] = [mediansOf(pair.from), mediansOf(pair.to)]
  const { p, delta } = mannWhitney(from, to)
  return {
    from: { n: from.length, median: before },
    to: { n: to.length, median: median(to) },
    ...{ shift, ci95, p, pRuns: pooledT(mediansBefore, mediansAfter), delta },
    share: before > 0 ? shift / before : 0,
    ...{ commonShare: 0, corrected: 1 },
    betweenRuns: Math.max(spread(mediansBefore), spread(mediansAfter)),
    verdict: 'no change',
  }
}

function mediansOf(runs: readonly (readonly number[])[]): number[] {
  return runs.filter((values) => values.length > 0).map((values) => median([...values]))
}

function spread(medians: readonly number[]): number {
  return Math.max(...medians) - Math.min(...medians)
}

/** The largest set of which each could be told from chance by itself: decided by the numbers of values alone. */
function tellable(changes: readonly Change[]): Change[] {
  const byReach = changes
    .map((change) => ({ change, reach: smallestP(change.from.n, change.to.n) }))
    .sort((left, right) => left.reach - right.reach)
  let most = byReach.length
  while (most > 0 && byReach[most - 1]!.reach > level / most) {
    // Those with as many values are no better and no worse: none of them is picked.
    const { reach } = byReach[most - 1]!
    while (most > 0 && byReach[most - 1]!.reach === reach) most--
  }
  return byReach.slice(0, most).map(({ change }) => change)
}

/** Holm's step-down correction, written into the changes. */
function correct(changes: Change[]): void {
  let largest = 0
  const larger = ({ p, pRuns }: Change) => Math.max(p, pRuns ?? 0)
  const sorted = changes.toSorted((left, right) => larger(left) - larger(right))
  for (const [index, change] of sorted.entries()) {
    largest = Math.max(largest, Math.min(1, larger(change) * (sorted.length - index)))
    change.corrected = largest
  }
}

function judge(
  { shift, from, corrected, delta, pRuns, betweenRuns, commonShare }: Change,
  { share, ms }: Thresholds,
): ChangeVerdict {
  const size = Math.abs(shift)
  const common = commonShare * from.median
  const counts =
    corrected <= level &&
    Math.abs(delta) >= leastDelta &&
    Math.min(size, Math.abs(shift - common)) > Math.max(share * from.median, ms) &&
    // Two runs have no t test worth the name: what they differ by is the least that a change must exceed.
    (pRuns !== null || size > Math.max(betweenRuns, standsOut * Math.abs(common)))
  if (!counts) return 'no change'
  return shift > 0 ? 'slower' : 'faster'
}

/**
 * How many values the second side needs so that a change can be told at all, where `compared` things are compared at once
 * and the first side has `n`; null where more of them can't help because the first side has too few.
 */
export function valuesNeeded(n: number, compared: number): number | null {
  for (let m = 2; m <= 200; m++) if (smallestP(n, m) <= level / compared) return m
  return null
}
