/** `npm run matrix:faults`: whether each fault module is found, on each of the default boards, as a table. */
import { type FaultName, faults } from '../../../images/faults.ts'
import { isSerious } from '../../detect/finding.ts'
import type { RunSummary } from '../../journal/summary-schema.ts'
import { markdownTable } from './markdown.ts'

/** One fault's row: the serious findings of each board, `ok` where they are what was expected. */
export type FaultRow = { fault: FaultName | null; expected: readonly string[]; cells: string[]; ok: boolean }

/** What one run with a fault found; null is a run without any, in which nothing may be found. */
export function faultRow(fault: FaultName | null, summary: RunSummary): FaultRow {
  const expected = fault === null ? [] : faults[fault].expects
  const boards = summary.boards.map(({ name, cycles }) => {
    const found = summary.findings.filter((finding) => finding.board === name && isSerious(finding))
    const ids = new Set(found.map(({ id }) => id))
    const words = found.map(({ id, device, driver, cpu }) =>
      [id, cpu === null ? null : `CPU ${cpu}`, device, driver].filter((part) => part !== null).join(' '),
    )
    const missing = expected.filter((id) => !ids.has(id))
    const ok = missing.length === 0 && (expected.length > 0 || ids.size === 0) && cycles.length > 0
    return {
      ok,
      cell: [...new Set(words), ...missing.map((id) => `**missing: ${id}**`)].join('; ') || 'nothing',
    }
  })
  return { fault, expected, cells: boards.map(({ cell }) => cell), ok: boards.every(({ ok }) => ok) }
}

/** The table in Markdown. */
export function faultTable(boards: readonly string[], rows: readonly FaultRow[]): string {
  return markdownTable(
    ['fault', 'expected', ...boards],
    rows.map(({ fault, expected, cells }) => [
      fault === null ? 'none' : `\`${fault}\``,
      expected.join(', ') || 'nothing',
      ...cells,
    ]),
  )
}
