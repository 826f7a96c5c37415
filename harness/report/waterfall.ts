/** Where the time of kexecs goes, as a person reads it: each phase and each part of the gap, its length, range and share. */
import { numericSort, quantileSorted } from 'simple-statistics'
import { isGapPart, phaseLabel } from '../journal/measured.ts'
import { phaseNames, phasesAndParts } from '../journal/phase-names.ts'
import type { BoardSummary, CycleSummary, Statistic } from '../journal/summary-schema.ts'
import { isMeasured, lengthMs } from '../journal/summary-statistics.ts'
import { type GapPart, gapPartNames } from '../kexec/outcome.ts'
import { summarize } from '../stats/summary.ts'
import { loaderLabel, shareText } from './format.ts'

type PhaseOrPart = (typeof phasesAndParts)[number]

/** One phase, or one part of the gap, over the cycles. */
export type WaterfallRow = {
  name: PhaseOrPart
  label: string
  medianMs: number
  /** Percentiles, milliseconds; null where there is a single cycle. */
  range: { p5: number; p25: number; p75: number; p95: number } | null
  /** The median by sampling, of parts of a gap that was sampled too; else null. */
  sampledMs: number | null
  /** Cycles that lie far off, which are in every number all the same, and the drift over the cycles where it is no chance. */
  outliers: Statistic['outliers']
  driftMs: number | null
  /** Where its bar begins and how long it is, as shares of all phases together. */
  begin: number
  share: number
  /** Of the gap's parts together; null for a phase. */
  shareOfGap: number | null
}

/** The cycles of a board, a suite and a way of loading whose gap was taken apart alike. */
export type Waterfall = {
  board: string
  suite: string
  loader: string
  /** How the gap's parts were told apart; null: they were not. */
  method: string | null
  /** What samples of the CPU put into another part than the method does, as a share of the gap, in the worst cycle; null: none. */
  samplesOff: number | null
  /** Cycles that it is made of, and good ones that are left out: warm-ups, and those with something else to tell. */
  n: number
  leftOut: number
  /** Median of the sum of all phases. */
  totalMs: number
  rows: WaterfallRow[]
}

/** One for each suite and way of loading; empty where no cycle was good. */
export function waterfallsOf({ name, cycles, statistics }: BoardSummary): Waterfall[] {
  const keyOf = (one: CycleSummary | Statistic) => JSON.stringify([one.suite, loaderLabel(one)])
  const leftOut = cycles.filter(({ verdict, proven, warmup }) => warmup && proven && verdict === 'passed')
  const timed = cycles.filter((cycle) => isMeasured(cycle) && phaseSumMs(cycle) > 0)
  const groups = Map.groupBy(timed, (cycle) => `${methodOf(cycle)} ${keyOf(cycle)}`)
  return [...groups.values()].map((group) => ({
    ...{ board: name, suite: group[0]!.suite, loader: loaderLabel(group[0]!), method: methodOf(group[0]!) },
    samplesOff: samplesOffOf(group),
    n: group.length,
    leftOut: leftOut.filter((cycle) => keyOf(cycle) === keyOf(group[0]!)).length,
    totalMs: summarize(group.map(phaseSumMs)).median,
    rows: rowsOf(
      group,
      statistics.filter((one) => keyOf(one) === keyOf(group[0]!)),
    ),
  }))
}

function methodOf({ gap }: CycleSummary): string | null {
  return gap && Object.keys(gap).some(isGapPart) ? gap.method : null
}

function samplesOffOf(cycles: readonly CycleSummary[]): number | null {
  const off = cycles.flatMap(({ gap, phases: { gapMs } }) => {
    const { sampled } = gap ?? {}
    if (!gap || !sampled || !gapMs) return []
    return gapPartNames.map((name) => Math.abs((gap[name] ?? 0) - (sampled[name] ?? 0)) / gapMs)
  })
  return off.length === 0 ? null : Math.max(...off)
}

/** All phases of one cycle together, milliseconds. */
export function phaseSumMs({ phases }: CycleSummary): number {
  return phaseNames.reduce((sum, name) => sum + Math.max(0, phases[name] ?? 0), 0)
}

/** A phase that the host held up once must not press all others together. */
const longestScale = 1.25

/** How far a picture reaches, as a share of all phases: as far as the 95th percentiles, within reason. */
export function scaleOf({ rows }: Waterfall): number {
  return Math.min(
    longestScale,
    Math.max(1, ...rows.map((row) => row.begin + shareAt(row, row.range?.p95 ?? 0))),
  )
}

/** A time of a row on the scale of the shares. */
export function shareAt({ share, medianMs }: WaterfallRow, ms: number): number {
  return medianMs > 0 ? (ms / medianMs) * share : 0
}

function rowsOf(cycles: readonly CycleSummary[], statistics: readonly Statistic[]): WaterfallRow[] {
  const measured = phasesAndParts.flatMap((name) => {
    const values = known(cycles.map((cycle) => lengthMs(cycle, name)))
    return values.length === 0 ? [] : [{ name, values, medianMs: Math.max(0, summarize(values).median) }]
  })
  // Of what is shown and not of the total: medians of parts do not sum up to the median of the whole.
  const sumOf = (rows: typeof measured) => rows.reduce((sum, { medianMs }) => sum + medianMs, 0) || 1
  const sumMs = sumOf(measured.filter(({ name }) => !isGapPart(name)))
  const gapSumMs = sumOf(measured.filter(({ name }) => isGapPart(name)))
  const next = { phaseMs: 0, partMs: 0 }
  return measured.map(({ name, values, medianMs }) => {
    const isPart = isGapPart(name)
    if (name === 'gapMs') next.partMs = next.phaseMs
    const beginMs = isPart ? next.partMs : next.phaseMs
    next[isPart ? 'partMs' : 'phaseMs'] += medianMs
    const { outliers = [], drift } = statistics.find(({ phase }) => phase === name) ?? {}
    return {
      ...{ name, label: phaseLabel(name), medianMs, range: rangeOf(values) },
      sampledMs: isPart ? sampledMedian(cycles, name) : null,
      ...{ outliers, driftMs: drift?.significant ? drift.perCycle : null },
      begin: beginMs / sumMs,
      share: medianMs / sumMs,
      shareOfGap: isPart ? medianMs / gapSumMs : null,
    }
  })
}

function rangeOf(values: readonly number[]): WaterfallRow['range'] {
  if (values.length < 2) return null
  const sorted = numericSort([...values])
  const [p5, p25, p75, p95] = [0.05, 0.25, 0.75, 0.95].map((share) => quantileSorted(sorted, share))
  return { p5: p5!, p25: p25!, p75: p75!, p95: p95! }
}

function sampledMedian(cycles: readonly CycleSummary[], name: GapPart): number | null {
  const values = known(cycles.map(({ gap }) => gap?.sampled?.[name]))
  return values.length === 0 ? null : summarize(values).median
}

/** How the gap was taken apart, and whether samples saw the same; null: it was not. */
export function methodText({ method, samplesOff }: Waterfall): string | null {
  if (method === null) return null
  if (method === 'instructions') return 'gap by instructions counted at breakpoints, a million for 1 ms'
  const samples = samplesOff === null ? '' : ` (samples within ${shareText(samplesOff)} of it)`
  return `gap by ${method}${samples}`
}

/** What can be done about a part that takes most of the gap. */
const advice: Partial<Record<GapPart, string>> = {
  purgatoryMs: 'its digest of the segments, which kexec_load leaves out with --no-checks',
  relocationMs:
    'copying the segments: a smaller initramfs, or memory that is reserved for them (crashkernel=)',
  decompressMs: 'which a faster method of compression (lz4) makes shorter',
  consoleWaitMs: 'in which the new kernel works and no console shows it: earlycon or earlyprintk does',
}
const worthAdvice = 0.4

/** What most of the gap is and what can be done about it; null where no part stands out, or nothing is known to help. */
export function adviceOn({ rows }: Waterfall): string | null {
  const [largest] = rows.toSorted((one, other) => (other.shareOfGap ?? 0) - (one.shareOfGap ?? 0))
  const hint = largest && (largest.shareOfGap ?? 0) > worthAdvice && advice[largest.name as GapPart]
  return hint ? `most of the gap is ${largest.label}: ${hint}` : null
}

function known(values: readonly (number | null | undefined)[]): number[] {
  return values.filter((value): value is number => Number.isFinite(value))
}
