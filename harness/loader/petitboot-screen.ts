/** What petitboot-nc shows, read from the screen as a person reads it (ui/ncurses/nc-menu.c, nc-scr.c of its sources). */
import type { ScreenView } from '../console/screen.ts'
import type { Menu } from './menu-loader.ts'

/** A line of the main menu. */
export type Item = {
  /** As it is shown, without the cursor's mark and its blanks. */
  text: string
  /** Of an entry that boots something: its label, without the mark of the default. */
  label: string | null
  isDefault: boolean
  /** It reaches the end of the screen: what is longer is not to be seen. */
  isCut: boolean
}

export type MainMenu = {
  /** Lines that are on the screen, from the top; a longer list is scrolled. */
  items: readonly Item[]
  /** Index of the line with the cursor; null where none has it: it was not drawn yet, or lost. */
  cursor: number | null
  /** Whether no line is scrolled away. */
  whole: boolean
  status: string | null
}

/** Every screen of petitboot-nc: a title, a rule, its content, a rule, keys, and the status. */
type Frame = { top: number; bottom: number; status: string | null }

/** G1's line drawing; a terminal that was not told so shows the letter. */
const rule = /^ ?[─q]{20,} *$/
const mainTitle = /^ ?Petitboot \(/
/** Where a line of the menu ends on a screen of 80 columns. */
const itemEnd = 79
const indent = 4
const prompt = /[#$] ?$/
/** Of the line with the cursor. */
const mark = /^ \*/
const editorTitle = /^ ?Petitboot Option Editor/

/** The main menu, or undefined where another thing is shown, or where it is too damaged to be one. */
export function readMainMenu(view: ScreenView): MainMenu | undefined {
  const frame = readFrame(view, mainTitle)
  if (!frame) return undefined
  const rows = view.rows.slice(frame.top + 1, frame.bottom)
  const used = rows.findLastIndex((row) => row.trim() !== '') + 1
  const items = rows.slice(0, used).map(readItem)
  return {
    items,
    cursor: readCursor(view, frame, used),
    whole: used < rows.length && items.some(({ text }, index) => text === '' && index < used - 1),
    status: frame.status,
  }
}

/** Lines that every main menu has: signs of it also where it is too damaged to be read. */
const signs = /System (?:information|configuration|status)|Exit to shell|Rescan devices|Petitboot \(/

/** Whether the main menu is shown, or some of it. */
export function isShown(view: ScreenView): boolean {
  return signs.test(view.text)
}

/** How many of the last rows are looked at for a status: a byte that was lost may put it above its own. */
const statusRows = 4

/** What is said of a boot, also on a damaged screen: `countdown` and so on, with the words. */
export function readSaid({
  rows,
}: ScreenView): { kind: NonNullable<ReturnType<typeof boots>>; text: string } | undefined {
  for (const row of rows.slice(-statusRows).toReversed()) {
    const text = row.trim()
    const kind = boots(text)
    if (kind) return { kind, text }
  }
  return undefined
}

/** The status line of the main menu; undefined where something else is shown. */
export function readStatus(view: ScreenView): string | null | undefined {
  return readFrame(view, mainTitle)?.status
}

/** Where the editor of an entry has its fields. */
export type Editor = { row: number; kernelArguments: string; okRow: number; cancelColumn: number }

/** The editor, or undefined where it isn't shown. */
export function readEditor({ rows }: ScreenView): Editor | undefined {
  if (!rows.some((row) => editorTitle.test(row))) return undefined
  const row = rows.findIndex((text) => /^ ?Boot arguments:/.test(text))
  const okRow = rows.findIndex((text) => /\[ +OK +\].*Cancel/.test(text))
  if (row === -1 || okRow === -1) return undefined
  return {
    row,
    kernelArguments: rows[row]!.replace(/^ ?Boot arguments: ?/, '').trimEnd(),
    okRow,
    cancelColumn: rows[okRow]!.lastIndexOf('['),
  }
}

/** Whether a shell waits for a command. */
export function atPrompt(view: ScreenView): boolean {
  return readFrame(view, mainTitle) === undefined && prompt.test(view.rows[view.cursor.row]!)
}

/** A label as the menu shows it, unless it is the default's: that one's mark takes four more columns. */
export function shownLabel(label: string): string {
  return label.slice(0, itemEnd - indent).trimEnd()
}

/** Tells the line of an entry, also where the screen cuts it. */
export function entryOf(wanted: string): (item: Item) => boolean {
  return ({ label, isCut }) => label === wanted || (label !== null && isCut && wanted.startsWith(label))
}

/** The menu for those who don't know petitboot. */
export function menuOf({ items, cursor, status }: MainMenu): Menu {
  const entries = items.flatMap(({ label, isDefault }) => (label === null ? [] : [{ label, isDefault }]))
  const seconds = status === null ? undefined : countdown.exec(status)?.[1]
  return {
    entries,
    selected: (cursor === null ? undefined : items[cursor]?.label) ?? null,
    countdownS: seconds === undefined ? null : Number(seconds),
    status,
  }
}

/** discover/device-handler.c, countdown_status(). */
const countdown = /^Booting in (\d+) sec: /
/** discover/boot.c: it loads, or asks the kernel to. */
const progress =
  /^(?:Booting (?!in \d)|Loaded |Performing kexec |Running boot hooks|Boot cancelled|Download complete|\d+ (?:items? )?download)/
/** discover/boot.c, nc-cui.c: it does not boot. `Boot cancelled` is of a boot before: each new one says it after a failure. */
const refused =
  /^(?:kexec load failed|kexec reboot failed|Error loading |Couldn't load |Boot failed|Boot verification failure|Failed: boot )/

/** What a status line says of a boot. */
export function boots(status: string): 'countdown' | 'progress' | 'executing' | 'refused' | undefined {
  if (countdown.test(status)) return 'countdown'
  if (status.startsWith(rebootStatus)) return 'executing'
  if (refused.test(status)) return 'refused'
  return progress.test(status) ? 'progress' : undefined
}

export const rebootStatus = 'Performing kexec reboot'

function readFrame({ rows }: ScreenView, title: RegExp): Frame | undefined {
  const first = rows.findIndex((row) => title.test(row))
  if (first === -1) return undefined
  const top = rows.findIndex((row, index) => index > first && rule.test(row))
  const bottom = rows.findIndex((row, index) => index > top && rule.test(row))
  if (top === -1 || bottom === -1 || top > first + 2) return undefined
  return { top, bottom, status: rows[bottom + 2]?.trim() || null }
}

function readItem(row: string): Item {
  const text = row.slice(2).trim()
  const isCut = row.trimEnd().length >= itemEnd
  // Entries are indented below the line of their device.
  const found = /^.. {2}(\(\*\) )?(\S.*)$/.exec(row)
  if (!found) return { text, label: null, isDefault: false, isCut }
  return { text, label: found[2]!.trimEnd(), isDefault: found[1] !== undefined, isCut }
}

/** The one line with the mark, and in reverse video where it can be chosen: blank ones and those of devices can't. */
function readCursor(view: ScreenView, { top, bottom }: Frame, used: number): number | null {
  const marked: number[] = []
  const inverse: number[] = []
  for (let row = top + 1; row < bottom; row++) {
    if (mark.test(view.rows[row]!)) marked.push(row)
    if (view.inverse(row)) inverse.push(row)
  }
  const [row] = marked
  if (row === undefined || marked.length > 1 || row > top + used) return null
  if (inverse.some((other) => other !== row)) return null
  return isSelected(view, row) ? row - top - 1 : null
}

/** Whether all that a line with the mark says is in reverse video, where it says something that can be chosen. */
function isSelected(view: ScreenView, row: number): boolean {
  const text = view.rows[row]!.slice(2).trim()
  const reversed = view.inverseText(row).trim()
  return canBeChosen(text) ? reversed === text : reversed === ''
}

function canBeChosen(text: string): boolean {
  return text !== '' && !text.startsWith('[')
}

/** One drawing of a screen that may be damaged: as much of a menu as can be told. */
export type Drawing = {
  /** Lines of the menu from the top, without their marks and blanks at both ends. */
  lines: readonly string[]
  /** The line with the cursor, whose words are all in reverse video; null where there is none, or more than one. */
  selected: string | null
  /** How many lines have room; null where the frame can't be seen. */
  room: number | null
  /** The menu where it seems to be in order. */
  menu: MainMenu | undefined
  status: string | null
}

/** Reads as much as is there. A byte that is lost puts what follows to the left, or into the row above. */
export function readDrawing(view: ScreenView): Drawing {
  const rules = view.rows.flatMap((row, index) => (/[─q]{10,}/.test(row) ? [index] : []))
  const top = rules.find((row) => row <= 2) ?? 1
  const bottom = rules.find((row) => row > top + 2)
  const rows = view.rows.slice(top + 1, bottom ?? view.rows.findLastIndex((row) => row.trim() !== '') - 1)
  const used = rows.findLastIndex((row) => row.trim() !== '') + 1
  const lines = rows.slice(0, used).map((row) => row.replace(mark, '  ').trim())
  const marked = rows.flatMap((row, index) => (mark.test(row) ? [index] : []))
  const isOne = marked.length === 1 && isSelected(view, top + 1 + marked[0]!)
  return {
    lines,
    selected: isOne ? (lines[marked[0]!] ?? '') : null,
    room: bottom === undefined ? null : bottom - top - 1,
    menu: readMainMenu(view),
    status: (bottom === undefined ? undefined : view.rows[bottom + 2]?.trim()) || null,
  }
}

/** Items by their text alone: what boots something stands below its device, the rest below a blank line. */
export function itemsFrom(lines: readonly string[]): Item[] {
  // Of a list that has scrolled, the line of the device is out of sight.
  let isUnderDevice = true
  return lines.map((text) => {
    if (!canBeChosen(text)) isUnderDevice = text !== ''
    const found = /^(\(\*\) )?(\S.*)$/.exec(text)
    const boots = isUnderDevice && canBeChosen(text)
    return {
      text,
      label: boots && found ? found[2]! : null,
      isDefault: boots && found?.[1] !== undefined,
      isCut: text.length + indent >= itemEnd,
    }
  })
}
