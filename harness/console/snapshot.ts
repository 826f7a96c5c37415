/** A terminal's screen at one moment, as plain data: for the journal, for texts and for pictures. */
import { z } from 'zod'

/** The size that serial consoles have without being told: a VT100's, with the line that petitboot and others count on. */
export const screenSize = { columns: 80, rows: 25 }

/** What a terminal may be at most; an xterm of a thousand columns is nobody's serial console. */
const maxColumns = 1000
const maxRows = 500
/** A cell holds a character and what combines with it. */
const maxSpanCharacters = 8 * maxColumns

/** As a terminal has them: an index of its palette, or #rrggbb; null: its default. */
const colour = z.union([z.number().int().min(0).max(255), z.string().regex(/^#[0-9a-f]{6}$/)]).nullable()
export type Colour = z.infer<typeof colour>

/** A run of cells that look the same. */
const span = z.object({
  text: z.string().max(maxSpanCharacters),
  inverse: z.boolean(),
  bold: z.boolean(),
  foreground: colour,
  background: colour,
})
export type Span = z.infer<typeof span>

export const snapshot = z.object({
  columns: z.number().int().min(1).max(maxColumns),
  /** As many as the screen has. */
  rows: z.array(z.object({ spans: z.array(span).max(maxColumns) })).max(maxRows),
  cursor: z.object({ row: z.number().int(), column: z.number().int() }),
})
/** The screen at one moment; plain data, for the journal and for pictures. */
export type Snapshot = z.infer<typeof snapshot>

/** What a person would copy from the screen: its rows, without blanks at their ends and empty rows at its end. */
export function snapshotText({ rows }: Snapshot): string {
  return rows
    .map(({ spans }) =>
      spans
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
    )
    .join('\n')
    .trimEnd()
}

/** The same screen with asterisks for each character of a secret, also of one that goes on in the next row. */
export function redactSnapshot(screen: Snapshot, secrets: readonly string[]): Snapshot {
  const all = screen.rows.flatMap(({ spans }) => spans.map(({ text }) => text)).join('')
  let shown = all
  for (const secret of secrets.filter((one) => one !== ''))
    for (let at = all.indexOf(secret); at !== -1; at = all.indexOf(secret, at + 1))
      shown = shown.slice(0, at) + '*'.repeat(secret.length) + shown.slice(at + secret.length)
  if (shown === all) return screen
  let start = 0
  const rows = screen.rows.map(({ spans }) => ({
    spans: spans.map((one) => {
      start += one.text.length
      return { ...one, text: shown.slice(start - one.text.length, start) }
    }),
  }))
  return { ...screen, rows }
}
