/** What a run prints at its end: the overview table, and below it what a person should know. */
import Table from 'cli-table3'
import type { RunSummary } from '../journal/summary-schema.ts'
import { deviceShutdownLines } from './device-shutdown.ts'
import { downtimeLines } from './downtime.ts'
import { visibleLine } from './escape.ts'
import { experimentLines } from './experiment-text.ts'
import { duration } from './format.ts'
import { initcallLines } from './initcalls.ts'
import { type Paint, painter, verdictStyles } from './paint.ts'
import { overviewRows, type Row } from './rows.ts'
import { boardFacts, findingLines, problemLines } from './table-text.ts'
import { waterfallLines } from './waterfall-text.ts'

export type TerminalOptions = {
  /** Columns to fill at most; default 120, which CI logs show without wrapping. */
  width?: number
  /** Default false. */
  colour?: boolean
  /** Path or URL of the HTML report, shown in the last line. */
  report?: string
}

/** Width and colour for a stream: colour only on a terminal and without NO_COLOR (see no-color.org). */
export function terminalOptions(
  stream: { isTTY?: boolean | undefined; columns?: number | undefined },
  env: Record<string, string | undefined>,
): Required<Pick<TerminalOptions, 'width' | 'colour'>> {
  const colour = stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
  return { width: stream.columns && stream.columns > 0 ? stream.columns : 120, colour }
}

/** The whole closing text, with a newline at its end. */
export function terminalReport(summary: RunSummary, options: TerminalOptions = {}): string {
  const { width = 120, colour = false, report } = options
  const paint = painter(colour)
  const blocks = [
    overview(overviewRows(summary), width, paint),
    waterfallLines(summary, Math.max(60, width)).join('\n'),
    experimentLines(summary).join('\n'),
    ...summary.boards
      .flatMap((board) => [downtimeLines(board), deviceShutdownLines(board), initcallLines(board)])
      .map((lines) => lines.join('\n')),
    boardFacts(summary).join('\n'),
    findingLines(summary, paint).join('\n'),
    problemLines(summary, paint).join('\n'),
    [
      verdictLine(summary, paint),
      ...(report ? [`report: ${visibleLine(report, { maxLength: 4096 })}`] : []),
    ].join('\n'),
  ]
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}

const columns: { head: string; right?: boolean; of: (row: Row) => string }[] = [
  { head: 'board', of: ({ board }) => visibleLine(board, { maxLength: 40 }) },
  { head: 'kernel', of: ({ kernel }) => (kernel === null ? '-' : visibleLine(kernel, { maxLength: 60 })) },
  { head: 'loader', of: ({ loader }) => loader ?? '-' },
  { head: 'cycles', right: true, of: ({ proven, cycles }) => `${proven}/${cycles}` },
  { head: 'gap median', right: true, of: ({ gapMedianMs }) => duration(gapMedianMs) },
  { head: 'gap p95', right: true, of: ({ gapP95Ms }) => duration(gapP95Ms) },
  { head: 'startup', right: true, of: ({ startupMedianMs }) => duration(startupMedianMs) },
  { head: 'verdict', of: ({ verdict }) => verdict },
]

/** The table in the widest form that fits: boxed, then bare with the kernels below it, then one paragraph a row. */
function overview(rows: readonly Row[], width: number, paint: Paint): string {
  if (rows.length === 0) return ''
  const boxed = render(rows, columns, true, paint)
  if (fits(boxed, width)) return boxed
  const bare = render(rows, columns, false, paint)
  if (fits(bare, width)) return bare
  const narrow = render(
    rows,
    columns.filter(({ head }) => head !== 'kernel'),
    false,
    paint,
  )
  if (fits(narrow, width)) return [narrow, ...kernelLines(rows)].join('\n')
  return rows
    .map((row) => columns.map(({ head, of }) => `${paint('dim', `${head}:`)} ${of(row)}`).join('\n'))
    .join('\n\n')
}

function kernelLines(rows: readonly Row[]): string[] {
  const known = Map.groupBy(
    rows.filter(({ kernel }) => kernel !== null),
    ({ board }) => board,
  )
  return [...known].map(([board, group]) => {
    const kernels = [...new Set(group.map(({ kernel }) => visibleLine(kernel ?? '', { maxLength: 60 })))]
    return ` kernel on ${visibleLine(board, { maxLength: 40 })}: ${kernels.join(', ')}`
  })
}

function render(rows: readonly Row[], shown: typeof columns, boxed: boolean, paint: Paint): string {
  const table = new Table({
    head: shown.map(({ head }) => paint('bold', head)),
    colAligns: shown.map(({ right }) => (right ? 'right' : 'left')),
    // cli-table3 colours on its own where it is not told otherwise, also into a pipe.
    style: {
      head: [],
      border: [],
      compact: true,
      ...(boxed ? {} : { 'padding-left': 1, 'padding-right': 0 }),
    },
    ...(boxed ? {} : { chars: bare }),
  })
  for (const row of rows)
    table.push(
      shown.map(({ head, of }) =>
        head === 'verdict' ? paint(verdictStyles[row.verdict], of(row)) : of(row),
      ),
    )
  return table.toString().replace(/ +$/gm, '')
}

const bare = Object.fromEntries(
  [
    ['top', 'top-mid', 'top-left', 'top-right'],
    ['bottom', 'bottom-mid', 'bottom-left', 'bottom-right'],
    ['left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ]
    .flat()
    .map((name) => [name, '']),
)

function fits(text: string, width: number): boolean {
  return text.split('\n').every((line) => stripColour(line).trimEnd().length <= width)
}

function stripColour(line: string): string {
  return line.replace(/\x1b\[\d+m/g, '')
}

function verdictLine(summary: RunSummary, paint: Paint): string {
  const { totals, verdict } = summary
  const counts = [
    `${totals.passed} passed`,
    `${totals.failed} failed`,
    ...(totals.errors > 0 ? [`${totals.errors} error${totals.errors === 1 ? '' : 's'}`] : []),
    ...(totals.interrupted > 0 ? [`${totals.interrupted} interrupted`] : []),
    ...(totals.skipped > 0 ? [`${totals.skipped} skipped`] : []),
  ]
  const took = summary.durationMs === null ? '' : ` in ${duration(summary.durationMs)}`
  return `${paint(verdictStyles[verdict], verdict)}: ${counts.join(', ')}; ${totals.proven} of ${totals.cycles} kexecs proven${took}`
}
