/** Waterfalls for a terminal. */
import { isGapPart } from '../journal/measured.ts'
import type { RunSummary } from '../journal/summary-schema.ts'
import { difference } from '../quantities.ts'
import { visibleLine } from './escape.ts'
import { duration, rangeText, shareText } from './format.ts'
import {
  adviceOn,
  methodText,
  scaleOf,
  shareAt,
  type Waterfall,
  type WaterfallRow,
  waterfallsOf,
} from './waterfall.ts'

/** Columns of the label, the times, the share and the blanks between them. */
const besideBar = 36
const rangeColumns = 19
const mostBarColumns = 60
/**
 * Lines of so many columns at most, 60 or more; a waterfall for each way of loading of which several cycles were measured, or
 * whose gap was taken apart.
 */
export function waterfallLines({ boards }: RunSummary, width: number): string[] {
  const shown = boards.flatMap(waterfallsOf).filter(({ n, method }) => n > 1 || method !== null)
  const several = shown.some(({ n }) => n > 1)
  return [
    ...shown.flatMap((one, index) => [...(index > 0 ? [''] : []), ...linesOf(one, width)]),
    ...(several ? ['', 'bars: █ to the 5th percentile, ▓ to the median, ░ to the 95th'] : []),
  ]
}

function linesOf(waterfall: Waterfall, width: number): string[] {
  const { rows, n } = waterfall
  const columns = Math.min(mostBarColumns, width - besideBar - (n > 1 ? rangeColumns : 0))
  const scale = scaleOf(waterfall)
  const advice = adviceOn(waterfall)
  return [
    ...headOf(waterfall),
    ...rows.map((row) => {
      const label = `${isGapPart(row.name) ? '    ' : '  '}${row.label}`.padEnd(17)
      const share = shareText(row.share).padStart(7)
      const range =
        n > 1 ? (row.range ? rangeText(row.range.p5, row.range.p95) : '').padEnd(rangeColumns) : ''
      return `${label}${duration(row.medianMs).padStart(9)} ${share}  ${range}${bar(row, columns / scale, columns)}`.trimEnd()
    }),
    ...(advice === null ? [] : [`  ${advice}`]),
    ...oddLines(rows),
  ]
}

const mostOutliers = 6
/** Of the median: what is nearer lies far off only because all others lie so near, and reads like the others. */
const worthTelling = 0.05

/** What a median and a range do not tell: single cycles that lie far off, and a drift from cycle to cycle. */
function oddLines(rows: readonly WaterfallRow[]): string[] {
  const outliers = rows.flatMap(({ label, medianMs, outliers }) =>
    outliers
      .filter(({ value }) => Math.abs(value - medianMs) > worthTelling * medianMs)
      .map(({ cycle, value }) => `${label} of cycle ${cycle} ${duration(value)}`),
  )
  const more = outliers.length > mostOutliers ? [`${outliers.length - mostOutliers} more`] : []
  const drifts = rows.flatMap(({ label, driftMs }) =>
    driftMs === null ? [] : [`${label} by ${difference(driftMs)} a cycle`],
  )
  return [
    ...(outliers.length > 0
      ? [`  outliers, in every number: ${[...outliers.slice(0, mostOutliers), ...more].join(', ')}`]
      : []),
    ...(drifts.length > 0 ? [`  drifts over the generations: ${drifts.join(', ')}`] : []),
  ]
}

function headOf(waterfall: Waterfall): string[] {
  const { board, suite, loader, n, leftOut, totalMs } = waterfall
  const method = methodText(waterfall)
  const where = `${visibleLine(board, { maxLength: 40 })}, ${visibleLine(suite, { maxLength: 40 })}, ${loader}`
  const about = [
    n === 1 ? 'one cycle' : `median and 5th to 95th percentile of ${n} cycles`,
    ...(method === null ? [] : [method]),
    ...(leftOut > 0 ? [`${leftOut} warm-up or control cycle${leftOut === 1 ? '' : 's'} left out`] : []),
  ]
  return [`where the time went on ${where}: ${duration(totalMs)}`, `  ${about.join(', ')}`]
}

/** Where the row lies; what is too short to see is a thin line. */
function bar(row: WaterfallRow, columnsOfAll: number, columns: number): string {
  const { begin, share, range } = row
  const at = (of: number) => Math.min(columns, Math.round(of * columnsOfAll))
  const start = Math.min(at(begin), columns - 1)
  const median = Math.max(start, at(begin + share))
  const low = range ? Math.max(start, Math.min(median, at(begin + shareAt(row, range.p5)))) : median
  const high = range ? Math.max(median, at(begin + shareAt(row, range.p95))) : median
  const thin = high === start && share > 0 ? '▏' : ''
  return `${' '.repeat(start)}${'█'.repeat(low - start)}${'▓'.repeat(median - low)}${'░'.repeat(high - median)}${thin}`
}
