/** The gap taken apart, as a person reads it: each part where it lies in time, its length and its share. */
import type { BoardSummary, CycleSummary, RunSummary } from '../journal/summary-schema.ts'
import { isMeasured } from '../journal/summary-statistics.ts'
import { type GapPart, gapPartNames } from '../kexec/outcome.ts'
import { summarize } from '../stats/summary.ts'
import { visibleLine } from './escape.ts'
import { duration, loaderLabel, percent } from './format.ts'

/** One part over the cycles of a board that were loaded alike. */
export type WaterfallPart = {
  name: GapPart
  label: string
  medianMs: number
  minMs: number
  maxMs: number
  /** The median by sampling; null where there is none. */
  sampledMs: number | null
  /** Of the sum of all parts: where it begins, and how long it is. */
  beginShare: number
  share: number
}

export type Waterfall = {
  board: string
  loader: string
  /** Cycles that it is made of. */
  n: number
  gapMs: number
  method: string
  parts: WaterfallPart[]
}

/** What each part is called before people. */
const partLabels: Record<GapPart, string> = {
  shutdownTailMs: 'shutdown tail',
  relocationMs: 'relocation',
  purgatoryMs: 'purgatory',
  decompressMs: 'decompressor',
  earlyKernelMs: 'early kernel',
  consoleWaitMs: 'console wait',
}

/** What can be done about a part that takes most of the gap. */
const advice: Partial<Record<GapPart, string>> = {
  purgatoryMs: 'its digest of the segments, which kexec_load leaves out with --no-checks',
  relocationMs:
    'copying the segments: a smaller initramfs, or memory that is reserved for them (crashkernel=)',
  decompressMs: 'which a faster method of compression (lz4) makes shorter',
  consoleWaitMs: 'in which the new kernel works and no console shows it: earlycon or earlyprintk does',
}

/** One for each way of loading whose gap was taken apart. */
export function waterfallsOf({ name, cycles }: BoardSummary): Waterfall[] {
  const measured = cycles.filter((cycle) => isMeasured(cycle) && cycle.gap?.relocationMs !== undefined)
  return [...Map.groupBy(measured, loaderLabel)].map(([loader, group]) => waterfallOf(name, loader, group))
}

function waterfallOf(board: string, loader: string, cycles: CycleSummary[]): Waterfall {
  const measured = gapPartNames.flatMap((name) => {
    const values = numbers(cycles.map(({ gap }) => gap?.[name]))
    const sampled = numbers(cycles.map(({ gap }) => gap?.sampled?.[name]))
    if (values.length === 0) return []
    const { median: medianMs, min: minMs, max: maxMs } = summarize(values)
    const sampledMs = sampled.length === 0 ? null : summarize(sampled).median
    return [{ name, label: partLabels[name], medianMs, minMs, maxMs, sampledMs }]
  })
  // Of the parts and not of the gap: medians of parts do not sum up to the median of the whole.
  const sumMs = Math.max(
    measured.reduce((sum, { medianMs }) => sum + medianMs, 0),
    Number.MIN_VALUE,
  )
  let beginMs = 0
  const parts = measured.map((part) => {
    const beginShare = beginMs / sumMs
    beginMs += part.medianMs
    return { ...part, beginShare, share: part.medianMs / sumMs }
  })
  const gaps = numbers(cycles.map(({ phases }) => phases.gapMs))
  const { method } = cycles[0]!.gap!
  return { board, loader, n: cycles.length, parts, gapMs: summarize(gaps).median, method }
}

function numbers(values: readonly (number | null | undefined)[]): number[] {
  return values.filter((value) => typeof value === 'number')
}

const barColumns = 40
const worthAdvice = 0.4

/** Lines for a terminal, 80 columns at most; nothing where no gap was taken apart. */
export function waterfallLines({ boards }: RunSummary): string[] {
  return boards.flatMap(waterfallsOf).flatMap(({ board, loader, n, gapMs, method, parts }, index) => {
    const largest = parts.toSorted((one, other) => other.share - one.share)[0]
    const hint = largest && largest.share > worthAdvice ? advice[largest.name] : undefined
    return [
      ...(index > 0 ? [''] : []),
      `gap of ${visibleLine(board, { maxLength: 40 })}, ${loader}: ${duration(gapMs)} (median of ${n}, by ${method})`,
      ...parts.map((part) =>
        `  ${part.label.padEnd(13)} ${duration(part.medianMs).padStart(9)} ${percent(Math.round(part.share * 1000) / 1000).padStart(7)}  ${bar(part)}`.trimEnd(),
      ),
      ...(hint ? [`  most of it is ${largest!.label}: ${hint}`] : []),
    ]
  })
}

/** Where the part lies; what is too short to see is a thin line. */
function bar({ beginShare, share }: WaterfallPart): string {
  const begin = Math.min(Math.round(beginShare * barColumns), barColumns - 1)
  const length = Math.round(share * barColumns)
  return ' '.repeat(begin) + (length === 0 ? (share > 0 ? '▏' : '') : '█'.repeat(length))
}
