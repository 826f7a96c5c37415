/** Two measurements side by side, for a terminal and as JSON. */
import Table from 'cli-table3'
import type { ComparedPhase, Side } from '../history/comparison.ts'
import { conditionsKey, isGapPart, partsBehindGap, phaseLabel } from '../journal/measured.ts'
import { changeText, tooFewText } from '../journal/summary-baseline.ts'
import { difference, probability } from '../quantities.ts'
import type { Thresholds } from '../stats/compare.ts'
import { visibleLine } from './escape.ts'
import { duration, loaderLabel, percent } from './format.ts'
import { type Paint, painter, type Style } from './paint.ts'

/** A comparison with what the history knew of it. */
export type Told = {
  from: Side
  to: Side
  /** `since` is the first run that was slower, null where nothing is or nobody knows. */
  rows: (ComparedPhase & { since: string | null })[]
  thresholds: ReadonlyMap<string, Thresholds>
}
type Row = Told['rows'][number]

const styles: Record<Row['verdict'], Style> = {
  slower: 'red',
  faster: 'green',
  'no change': 'dim',
  'too few cycles': 'yellow',
}

/** The table, and below it in words what changed. With a newline at its end. */
export function comparisonReport(told: Told, { colour }: { colour: boolean }): string {
  const paint = painter(colour)
  const { from, to, rows } = told
  const blocks = [
    `from ${visibleLine(from.name)} to ${visibleLine(to.name)}`,
    table(rows, paint),
    differenceLines(rows).join('\n'),
    [...changeLines(rows, paint), ...singleRunLines(rows)].join('\n'),
    verdictLine(told, paint),
  ]
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}

const heads = ['board', 'suite', 'loader', 'phase', 'from', 'to', 'change', '95 % interval', 'p', 'verdict']

function table(rows: readonly Row[], paint: Paint): string {
  const shown = new Table({
    head: heads.map((head) => paint('bold', head)),
    colAligns: heads.map((_, index) => (index >= 4 && index <= 8 ? 'right' : 'left')),
    // cli-table3 colours on its own where it is not told otherwise, also into a pipe.
    style: { head: [], border: [], compact: true },
  })
  for (const row of rows) {
    const { board, conditions, phase, from, to, shift, share, ci95, corrected, verdict } = row
    const few = verdict === 'too few cycles'
    shown.push([
      ...[
        visibleLine(board, { maxLength: 40 }),
        visibleLine(conditions.suite),
        loaderLabel(conditions),
        `${isGapPart(phase) ? '· ' : ''}${phaseLabel(phase)}`,
      ],
      ...[duration(from.median), duration(to.median)],
      few ? '-' : `${difference(shift)} (${share < 0 ? '' : '+'}${percent(Number(share.toFixed(3)))})`,
      few || !ci95 ? '-' : `${difference(ci95[0])} to ${difference(ci95[1])}`,
      few ? `${to.n} against ${from.n}` : probability(corrected),
      paint(styles[verdict], verdict),
    ])
  }
  return shown.toString()
}

/** What was compared although it was not measured under the same conditions. */
function differenceLines(rows: readonly Row[]): string[] {
  const all = rows.flatMap(({ board, conditions, differs }) =>
    differs
      ? [
          visibleLine(`${board}, ${conditions.suite}, ${loaderLabel(conditions)}: `) +
            visibleLine(`${differs.what} was ${differs.from || 'empty'}, is ${differs.to || 'empty'}`),
        ]
      : [],
  )
  return [...new Set(all)]
}

/** What changed, each once: a part of the gap that changed with it is named in the gap's line. */
function changeLines(rows: readonly Row[], paint: Paint): string[] {
  const groups = Map.groupBy(rows, ({ board, conditions }) =>
    JSON.stringify([board, conditionsKey(conditions)]),
  )
  return [...groups.values()].flatMap((group) => {
    const parts = partsBehindGap(group)
    return group
      .filter((row) => (row.verdict === 'slower' || row.verdict === 'faster') && !parts.includes(row))
      .map((row) => changeLine(row, row.phase === 'gapMs' ? parts : [], paint))
  })
}

function changeLine(row: Row, parts: readonly Row[], paint: Paint): string {
  const { verdict, board, conditions, phase, since } = row
  const where = visibleLine(`${board}, ${conditions.suite}, ${loaderLabel(conditions)}`)
  const when = since ? `, since ${visibleLine(since)}` : ''
  const inside = parts.map((part) => `${phaseLabel(part.phase)} ${values(part)} (${difference(part.shift)})`)
  const within = inside.length === 0 ? '' : `, in it ${inside.join(', ')}`
  return `${paint(styles[verdict], verdict)} ${phaseLabel(phase)} on ${where}: ${values(row)} (${changeText(row)})${within}${when}`
}

function values({ from, to }: Row): string {
  return `${duration(to.median)} instead of ${duration(from.median)}`
}

/** What no test between cycles can know. */
function singleRunLines(rows: readonly Row[]): string[] {
  const single = rows.some(
    ({ verdict, runs }) =>
      (verdict === 'slower' || verdict === 'faster') && runs.from.length + runs.to.length === 2,
  )
  return single
    ? [
        'One run against one: a host that was busier in one of them looks the same. A baseline of several runs tells that.',
      ]
    : []
}

/** The worst of all rows. */
function overall(rows: readonly Row[]): Row['verdict'] {
  const order = ['slower', 'faster', 'no change'] as const
  return order.find((verdict) => rows.some((row) => row.verdict === verdict)) ?? 'too few cycles'
}

function verdictLine({ rows, thresholds }: Told, paint: Paint): string {
  const verdict = overall(rows)
  const count = (wanted: Row['verdict']) => rows.filter((row) => row.verdict === wanted).length
  const few = rows.find((row) => row.verdict === 'too few cycles')
  if (verdict === 'too few cycles')
    return `${paint(styles[verdict], verdict)}: ${tooFewText(few!, rows.length)}`
  const sizes = [
    ...new Set([...thresholds.values()].map(({ share, ms }) => `${percent(share)} and ${duration(ms)}`)),
  ]
  const parts = [
    `${rows.length} phases compared`,
    `${count('slower')} slower`,
    `${count('faster')} faster`,
    ...(few ? [`${count('too few cycles')} with too few cycles to tell`] : []),
  ]
  return `${paint(styles[verdict], verdict)}: ${parts.join(', ')}; a change counts above ${sizes.join(' or ')}, and above chance (5 % for all of them together)`
}

/** The comparison for programs. */
export function comparisonJson({ from, to, rows, thresholds }: Told): string {
  return JSON.stringify({
    schemaVersion: 1,
    from: from.name,
    to: to.name,
    verdict: overall(rows),
    thresholds: Object.fromEntries(thresholds),
    rows: rows.map(({ between: _between, ...row }) => row),
  })
}
