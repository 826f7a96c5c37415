/** The numbers over several cycles of one board. */
import { bootstrapMedian } from '../stats/bootstrap.ts'
import { outlierIndices } from '../stats/outliers.ts'
import { precisionOf } from '../stats/precision.ts'
import { drift, proportion, summarize, thinned } from '../stats/summary.ts'
import { isGapPart } from './measured.ts'
import {
  type ChecksRatio,
  type CycleSummary,
  type Statistic,
  type StressSummary,
  statisticPhases,
} from './summary-schema.ts'

/** Whether a cycle counts in statistics: proven, passed, and no warm-up. */
export function isMeasured(cycle: CycleSummary): boolean {
  return cycle.verdict === 'passed' && cycle.proven && !cycle.warmup
}

/**
 * Statistics of each phase and of each part of the gap that was measured, by suite and way of loading; `precision` is what was
 * asked for of the gap.
 */
export function statisticsOf(cycles: readonly CycleSummary[], precision: number | null): Statistic[] {
  const good = cycles.filter(({ verdict, proven }) => verdict === 'passed' && proven)
  const groups = Map.groupBy(good, ({ suite, loader, syscall, checks, noIfdown }) =>
    JSON.stringify([suite, loader, syscall, checks, noIfdown]),
  )
  return [...groups.values()].flatMap((group) => {
    const { suite, loader, syscall, checks, noIfdown } = group[0]!
    const warmups = group.filter(({ warmup }) => warmup).length
    const rows = statisticPhases.flatMap((phase) => {
      const numbers = numbersOf(group.filter(isMeasured), phase, precision)
      return numbers ? [{ suite, loader, syscall, checks, noIfdown, phase, ...numbers, warmups }] : []
    })
    const tested = rows.filter(({ drift }) => drift !== null).length
    for (const { drift } of rows) if (drift) drift.significant = drift.p * tested < 0.05
    return rows
  })
}

/** All pairs are compared, for each phase of each way of loading: of a night's thousands this many tell as much. */
const mostForDrift = 400
const mostSteps = 1_000_000

type Numbers = Omit<Statistic, 'suite' | 'loader' | 'syscall' | 'checks' | 'noIfdown' | 'phase' | 'warmups'>

/** The length of a phase or of a part of the gap in one cycle, milliseconds; undefined where nothing measured it. */
export function lengthMs({ phases, gap }: CycleSummary, phase: Statistic['phase']): number | undefined {
  return (isGapPart(phase) ? gap?.[phase] : phases[phase]) ?? undefined
}

function numbersOf(
  cycles: readonly CycleSummary[],
  phase: Statistic['phase'],
  asked: number | null,
): Numbers | undefined {
  const known = cycles.flatMap((one) => {
    const value = lengthMs(one, phase)
    return value === undefined ? [] : [{ cycle: one.cycle, value }]
  })
  if (known.length === 0) return undefined
  const values = known.map(({ value }) => value)
  const reached = precisionOf(values)
  return {
    ...summarize(values),
    bootstrap95: bootstrapMedian(values),
    outliers: outlierIndices(values).map((index) => known[index]!),
    drift: driftByCycle(thinned(known, mostForDrift)),
    precision:
      asked === null || phase !== 'gapMs'
        ? null
        : { asked, reached, met: reached !== null && reached <= asked },
  }
}

/** What checking the segments costs, where a board was kexec'd both ways by one loader and system call. */
export function checksRatioOf(cycles: readonly CycleSummary[]): ChecksRatio | null {
  const groups = Map.groupBy(cycles.filter(isMeasured), ({ loader, syscall, noIfdown }) =>
    JSON.stringify([loader, syscall, noIfdown]),
  )
  for (const group of groups.values()) {
    const { loader, syscall } = group[0]!
    const checkedMs = medianGap(group.filter(({ checks }) => checks === true))
    const uncheckedMs = medianGap(group.filter(({ checks }) => checks === false))
    if (syscall && checkedMs && uncheckedMs)
      return { loader, syscall, checkedMs, uncheckedMs, ratio: checkedMs / uncheckedMs }
  }
  return null
}

function medianGap(cycles: readonly CycleSummary[]): number | null {
  const gaps = cycles.map(({ phases }) => phases.gapMs).filter((gap) => gap !== undefined)
  return gaps.length === 0 ? null : summarize(gaps).median
}

/** Failure rate and drift over the cycles of the `stress` suite; null where it did not run. */
export function stressOf(cycles: readonly CycleSummary[]): StressSummary | null {
  const chain = cycles.filter(({ suite, warmup }) => suite === 'stress' && !warmup)
  // A cycle that the run's end cut short says nothing about the product.
  const ended = chain.filter(({ verdict }) => verdict !== 'interrupted' && verdict !== 'skipped')
  if (ended.length === 0) return null
  const failures = ended.filter(({ verdict }) => verdict !== 'passed').length
  const { rate, ci95 } = proportion(failures, ended.length)
  return {
    cycles: ended.length,
    failures,
    failureRate: rate,
    ci95,
    gapDriftMs: driftOf(ended, ({ phases }) => phases.gapMs),
    memAvailableDriftKiB: driftOf(ended, ({ memAvailableKiB }) => memAvailableKiB),
  }
}

function driftOf(
  chain: readonly CycleSummary[],
  pick: (cycle: CycleSummary) => number | null | undefined,
): StressSummary['gapDriftMs'] {
  return driftByCycle(
    chain.filter(isMeasured).map((one) => ({ cycle: one.cycle, value: pick(one) ?? Number.NaN })),
  )
}

/** Cycles are numbered through a chain: one that was not measured leaves a hole, so that the drift stays one per cycle. */
function driftByCycle(known: readonly { cycle: number; value: number }[]): Statistic['drift'] {
  const first = known[0]?.cycle ?? 0
  const steps = known.map(({ cycle }) => cycle - first)
  // A journal with numbers that no run gives is still a journal.
  if (steps.some((step) => step < 0 || step > mostSteps)) return null
  const values = new Array<number>((steps.at(-1) ?? 0) + 1).fill(Number.NaN)
  for (const [index, step] of steps.entries()) values[step] = known[index]!.value
  const found = drift(values)
  if (!found) return null
  const { n, slopePerStep, ci95, p, significant } = found
  return { n, perCycle: slopePerStep, ci95, p, significant }
}
