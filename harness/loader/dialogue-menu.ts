/** Reads the menu of a bootloader that a descriptor describes: its entries, its default, its cursor, its countdown. */
import { withoutKernelMessages } from '../console/kernel-lines.ts'
import type { ScreenView } from '../console/screen.ts'
import type { DialogueChoice } from './dialogue.ts'
import type { Menu, MenuEntry, Ui } from './menu-loader.ts'

/** A line of the menu that boots something. */
export type DialogueEntry = MenuEntry & {
  /** What chooses it, where the menu has numbers. */
  number: string | null
  /** Its row of the screen; null where the menu is read from lines. */
  row: number | null
}

/** A menu as it was read. */
export type ReadMenu = Omit<Menu, 'entries'> & { entries: readonly DialogueEntry[] }

type MenuWords = NonNullable<DialogueChoice['menu']>
type ShownLine = { text: string; row: number | null }

/** The menu as it is shown now; of what was printed, from a position of the console on. */
export function readMenu(words: MenuWords | undefined, ui: Ui, from: number): ReadMenu {
  if (!words) return { entries: [], selected: null, countdownS: null, status: null }
  const { view } = ui.screen
  const all = words.on === 'screen' ? screenLines(view) : printedLines(ui.console.since(from))
  const entry = new RegExp(words.entry)
  const found = between(all, words).flatMap(({ text, row }): Omit<DialogueEntry, 'isDefault'>[] => {
    const groups = entry.exec(text)?.groups
    const label = groups?.label?.trim()
    return label ? [{ label, number: groups?.number ?? null, row }] : []
  })
  const byDefault = words.default ? lastOf(all, words.default, 'label')?.trim() : found[0]?.label
  const countdown = lastOf(all, words.countdown, 'seconds')
  return {
    entries: found.map((one) => ({ ...one, isDefault: one.label === byDefault })),
    selected: found.find(({ row }) => row !== null && isSelected(words, view, row))?.label ?? null,
    countdownS: countdown === undefined ? null : Number(countdown),
    status: null,
  }
}

/** The text of the row on which the cursor stands, and of those before it that it goes on from. */
export function typedRow({ rows, cursor }: ScreenView, columns: number): string {
  let first = cursor.row
  // A line that fills its row goes on in the next one.
  while (first > 0 && rows[first - 1]!.length === columns) first--
  return rows.slice(first, cursor.row + 1).join('')
}

/**
 * Whether what is shown may be this label with some of its bytes lost: then the line is at fault, and not the
 * bootloader's list.
 */
export function isDamaged(shown: string, label: string): boolean {
  if (shown === label || shown.length < label.length / 2 || shown.length > label.length) return false
  let at = 0
  for (const character of label) if (character === shown[at]) at++
  return at === shown.length
}

function isSelected({ cursor }: MenuWords, view: ScreenView, row: number): boolean {
  if (cursor === undefined) return false
  return cursor === 'reverse' ? view.inverse(row) : view.rows[row]!.trimStart().startsWith(cursor.mark)
}

function screenLines({ rows }: ScreenView): ShownLine[] {
  return rows.map((text, row) => ({ text: text.trimEnd(), row }))
}

function printedLines(text: string): ShownLine[] {
  const lines = withoutKernelMessages(text).text.replaceAll('\r', '').split('\n')
  return lines.map((line) => ({ text: line, row: null }))
}

/** The lines after the last that begins the menu, and before the one that ends it. */
function between(lines: readonly ShownLine[], { begins, ends }: MenuWords): readonly ShownLine[] {
  const first = begins === undefined ? -1 : lines.findLastIndex(({ text }) => text.includes(begins))
  if (begins !== undefined && first === -1) return []
  const rest = lines.slice(first + 1)
  const last = ends === undefined ? -1 : rest.findIndex(({ text }) => text.includes(ends))
  return last === -1 ? rest : rest.slice(0, last)
}

function lastOf(lines: readonly ShownLine[], source: string | undefined, group: string): string | undefined {
  if (source === undefined) return undefined
  const pattern = new RegExp(source)
  for (const { text } of lines.toReversed()) {
    const found = pattern.exec(text)?.groups?.[group]
    if (found !== undefined) return found
  }
  return undefined
}
