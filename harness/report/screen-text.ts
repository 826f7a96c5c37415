/** A screen as text, for reports that show no pictures. */
import type { Snapshot } from '../console/snapshot.ts'
import type { ScreenSummary } from '../journal/summary-schema.ts'

/**
 * The screen's title and its rows, each behind a bar; a row with something in reverse video, which is how menus mark
 * what is selected, behind `>`. Not escaped.
 */
export function screenLines({
  title,
  text,
  snapshot,
}: Pick<ScreenSummary, 'title' | 'text' | 'snapshot'>): string[] {
  if (text === '') return [`The screen was empty (${title}).`]
  const rows = text.split('\n')
  const marks = rows.map((_, row) => isMarked(snapshot, row))
  // Where all are, as on a coloured background, it says nothing.
  const telling = marks.includes(true) && marks.includes(false)
  return [
    `What the screen showed (${title})${telling ? ', ">" before a row in reverse video' : ''}:`,
    ...rows.map((row, index) => `  ${telling && marks[index] ? '>' : '|'} ${row}`.trimEnd()),
  ]
}

function isMarked({ rows }: Snapshot, row: number): boolean {
  return rows[row]?.spans.some(({ inverse, text }) => inverse && text.trim() !== '') ?? false
}
