/** The table of all figures, and below it how sure they are. */
import Table from 'cli-table3'
import { type Paint, painter, type Style } from '../../report/paint.ts'
import type { Row } from './benchmark.ts'

const styles: Record<Row['verdict'], Style> = {
  ok: 'green',
  'too slow': 'red',
  'too noisy': 'yellow',
  missed: 'red',
  skipped: 'yellow',
  info: 'dim',
}

/** The table as text; `width` is for the notes below it. */
export function benchTable(rows: readonly Row[], { colour }: { colour: boolean }): string {
  const paint = painter(colour)
  const table = new Table({
    head: ['benchmark', 'figure', 'bound', '', 'n'].map((title) => paint('bold', title)),
    // cli-table3 colours on its own where it is not told otherwise, also into a pipe.
    style: { head: [], border: [], compact: true },
  })
  for (const row of rows)
    table.push([row.benchmark, row.figure, row.bound, paint(styles[row.verdict], row.verdict), row.n])
  return [table.toString(), ...notes(rows, paint)].join('\n')
}

function notes(rows: readonly Row[], paint: Paint): string[] {
  return rows
    .filter(({ note }) => note !== undefined)
    .map(({ benchmark, note }) => `${paint('bold', benchmark)}: ${note}`)
}
