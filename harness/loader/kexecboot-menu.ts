/** What kexecboot shows: its text menu and its log, on the same console (src/tui.c, src/kexecboot.c of 0.6). */
import { withoutKernelMessages } from '../console/kernel-lines.ts'
import type { ScreenView } from '../console/screen.ts'

/** A line of its menu. */
export type KexecbootItem = { label: string; selected: boolean; boots: boolean }

/** What its log says that the menu has. */
type LoggedMenu = {
  labels: readonly string[]
  /** As many as it counted: none of its lines was lost. */
  whole: boolean
}

/** The item that stands first in the menu and boots nothing. */
export const systemMenu = 'System menu'
export const debugInfo = 'Show debug info'
const title = ' KEXECBOOT'
/** Items of the system menu; src/kexecboot.c, build_menu(). */
const systemItems = ['Back', 'Rescan', debugInfo, 'Reboot', 'Shutdown', 'Exit']
/** What is under a label: device, file system and size; an item of the system menu has a blank row there. */
const description = /^ +\/dev\/\S+ \S+ \d+Mb$/

/**
 * Items of the menu that is on the screen, from the top; none where another thing is. One that is longer than the
 * screen has scrolled: then the first ones are not among them.
 */
export function itemsOf(view: ScreenView): KexecbootItem[] {
  // It fills up its rows with blanks.
  const rows = view.rows.map((row) => row.trimEnd())
  return rows.flatMap((text, row): KexecbootItem[] => {
    const label = text.trim()
    const below = rows[row + 1]
    if (label === '' || below === undefined || text === title) return []
    const boots = description.test(below)
    if (!boots && !(below === '' && (label === systemMenu || systemItems.includes(label)))) return []
    return [{ label, selected: view.inverse(row), boots }]
  })
}

/** Whether the menu is on the screen, as it stands at the start: the one with the entries. */
export function isMainMenu(items: readonly KexecbootItem[]): boolean {
  return items.some(({ label, boots }) => boots || label === systemMenu) && !isSystemMenu(items)
}

export function isSystemMenu(items: readonly KexecbootItem[]): boolean {
  // Some of them may be damaged.
  return items.filter(({ label }) => systemItems.includes(label)).length > 1
}

/** Whether the debug log is on the screen. */
export function isDebugInfo(view: ScreenView): boolean {
  return (
    view.rows.some((row) => row.trimEnd() === title) &&
    itemsOf(view).length === 0 &&
    view.text.trim() !== title.trim()
  )
}

/** Whether the menu has its title only: so it is drawn on a terminal without a size (tui_show_menu()). */
export function isBlankMenu(view: ScreenView): boolean {
  return view.text.trim() === title.trim()
}

/** The menu as the log lists it, from the last time that it was filled; undefined where the log does not say. */
export function loggedMenu(text: string): LoggedMenu | undefined {
  const lines = linesOf(text)
  const start = lines.findLastIndex((line) =>
    /^(?:Populating menu: \d+ item\(s\)|No items for menu found)$/.test(line),
  )
  if (start === -1) return undefined
  const count = Number(/\d+/.exec(lines[start]!)?.[0] ?? 0)
  const labels = lines.slice(start + 1).flatMap((line) => /^\+ \[(.*)\]$/.exec(line)?.[1] ?? [])
  return { labels: labels.slice(0, count), whole: labels.length === count }
}

/** Whether kexecboot, as it was started last, is the first process: then the kernel panics when it ends. Its debug log says so too. */
export function isInit(text: string): boolean {
  const started = [...text.matchAll(/kexecboot \S+ starting\r*\n([^\r\n]*)/g)].at(-1)
  return started?.[1]?.trim() === "I'm the init-process!"
}

/** Said once it has given up: by kexec-tools' `kexec -e`, or by start_kernel() of src/kexecboot.c. */
export const gaveUp = /Nothing has been loaded!|Can't mount boot device|Kexec can't load kernel/

/** What `kexec -d -l` prints on the way: some 500 lines. */
const debug =
  /^(?:sym:|R_[A-Z0-9_]+$|[0-9a-f]{16}-|[A-Z ]+RANGES|kernel(?: init_size|:)|Loaded |E820 |segment\[|nr_segments|entry {2,}=|kexec_load: |\/sys\/firmware\/edd )/
/** More than that nobody said at once. */
const longestRefusal = 6

/** Why it gave up: what kexec said last that is neither a debug line nor the menu, in its order. */
export function refusalOf(text: string): string {
  const lines = linesOf(text).filter((line) => line !== '')
  const end = lines.findIndex((line) => gaveUp.test(line))
  const isNoise = (line: string) => debug.test(line) || description.test(line)
  // Where the system call failed, the segments are listed after the reason.
  const last = lines.findLastIndex((line, index) => index < end && !isNoise(line))
  const before = lines.findLastIndex((line, index) => index < last && isNoise(line))
  const said = last === -1 ? [] : lines.slice(before + 1, last + 1).slice(-longestRefusal)
  return [...said, lines[end]!].join('\n')
}

function linesOf(text: string): string[] {
  return withoutKernelMessages(text)
    .text.split(/\r*\n/)
    .map((line) => line.trimEnd())
}
