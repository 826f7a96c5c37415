/** Keys for petitboot-nc, each made sure of on the screen. Few begin with Escape, which alone leaves the menu. */
import { ScreenTimeout, type ScreenView } from '../console/screen.ts'
import { BoardError, LabError } from '../errors.ts'
import type { Ui } from './menu-loader.ts'
import { atPrompt, boots, type Item, type MainMenu, readMainMenu, readStatus } from './petitboot-screen.ts'

/** How long the answer to a key may take: a slow board draws a menu in a second. */
export const answerMs = 10_000
/** A screen is drawn whole once it stands still for so long. */
const drawnMs = 500
const redraws = 12
const attempts = 12
const longestList = 500

/** Tells the line that is looked for. */
export type Wanted = (item: Item) => boolean

/**
 * The main menu, drawn anew: a cursor that lost bytes have put on another line does not survive that.
 * Throws LabError where no menu appears.
 */
export async function redraw(ui: Ui, attempts = redraws): Promise<MainMenu> {
  for (let attempt = 1; ; attempt++) {
    // Whatever a damaged sequence has set, such as a scrolling region, must not shift what is drawn now.
    ui.screen.clear()
    // Ctrl-L is the one key that neither stops the countdown nor clears the status (nc-cui.c).
    await ui.screen.press('Ctrl-L')
    const menu = await appears(ui, readDrawn, 'menu drawn anew', { settledMs: drawnMs })
    // Of a key such as Home only the Escape arrived.
    if (menu === 'shell') await ui.screen.press({ text: 'exit' }, 'Enter')
    if (typeof menu === 'object' && menu.cursor !== null) return menu
    if (attempt === attempts) throw unreadable(ui, "petitboot's menu")
  }
}

/** Also a menu that can't be read is an answer, to be asked for again at once. */
function readDrawn(view: ScreenView): MainMenu | 'shell' | 'damaged' | undefined {
  return readMainMenu(view) ?? (atPrompt(view) ? 'shell' : view.text === '' ? undefined : 'damaged')
}

/**
 * Puts the cursor on a line and makes sure of it, with no status of a boot before left to be taken for the next one's.
 * Throws BoardError where there is no such line, LabError where it can't be read.
 */
export async function moveTo(ui: Ui, wanted: Wanted, name: string): Promise<void> {
  let isKnown = false
  let before: MainMenu | undefined
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const menu = await redraw(ui)
    const found = menu.items.flatMap((item, index) => (wanted(item) ? [index] : []))
    if (found.length > 1) throw new BoardError(`petitboot's menu has ${found.length} lines ${name}`)
    isKnown ||= found.length > 0
    // Two drawings that lost bytes are not the same.
    if (menu.whole && found.length === 0 && sameItems(menu, before)) throw noSuchLine(menu, name)
    before = menu
    const way = wayTo(menu, found[0])
    if (!way) await walk(ui, attempt === 1, menu.items.length, wanted)
    else if (way.home || way.tabs > 0) await step(ui, way, wanted)
    else if (await standsOn(ui, wanted)) return
  }
  // A list longer than the screen was gone through line by line.
  const hasEntries = before?.items.some(({ label }) => label !== null)
  if (!isKnown && before && hasEntries && !before.whole) throw noSuchLine(before, name)
  throw unreadable(ui, `the cursor on petitboot's line ${name}`)
}

function sameItems(one: MainMenu, other: MainMenu | undefined): boolean {
  return JSON.stringify(one.items) === JSON.stringify(other?.items)
}

/** Whether a second drawing agrees with the first: bytes lost twice do not make the same mistake twice. */
async function standsOn(ui: Ui, wanted: Wanted): Promise<boolean> {
  return isOn(await redraw(ui), wanted)
}

function isOn({ items, cursor }: MainMenu, wanted: Wanted): boolean {
  return cursor !== null && wanted(items[cursor]!)
}

type Way = { home: boolean; tabs: number }

/**
 * The keys that lead there: Tab goes down and stops at the last line, Home goes to the first (menu(3), O_NONCYCLIC).
 * Undefined where that can't be told, since lines are scrolled away. Any key but Ctrl-L clears the status.
 */
function wayTo({ cursor, whole, status }: MainMenu, index: number | undefined): Way | undefined {
  const isStale = status !== null && boots(status) !== undefined
  const isBelow = cursor === null || index === undefined || index < cursor || (index === cursor && isStale)
  if (index === undefined || (!whole && isBelow)) return whole ? { home: true, tabs: 0 } : undefined
  return isBelow ? { home: true, tabs: index } : { home: false, tabs: index - cursor! }
}

async function step(ui: Ui, { home, tabs }: Way, wanted: Wanted): Promise<void> {
  await ui.screen.press(...(home ? (['Home'] as const) : []), { text: '\t'.repeat(tabs) })
  const limits = { timeoutMs: 3_000, settledMs: drawnMs }
  await appears(ui, (view) => onScreen(view, wanted), 'cursor on the line', limits)
}

/** The whole list: line by line where it is longer than the screen, and back to its first line. Throws as `redraw`. */
export async function readWhole(ui: Ui, menu: MainMenu): Promise<MainMenu> {
  if (menu.whole) return menu
  const items: Item[] = []
  await ui.screen.press('Home')
  for (let current = await redraw(ui); items.length < longestList; ) {
    items.push(current.items[current.cursor!]!)
    const before = ui.screen.view.text
    await ui.screen.press('Tab')
    const next = { timeoutMs: 1_500, settledMs: 100 }
    // At the last line nothing moves.
    if (!(await appears(ui, (view) => view.text !== before, 'next line', next))) break
    const read = readMainMenu(ui.screen.view)
    current = read && read.cursor !== null ? read : await redraw(ui)
  }
  await ui.screen.press('Home')
  return { ...(await redraw(ui)), items, whole: true }
}

/** Through a list that is longer than the screen, line by line. */
async function walk(ui: Ui, fromTop: boolean, shown: number, wanted: Wanted): Promise<void> {
  if (fromTop) await ui.screen.press('Home')
  for (let line = 0; line < shown; line++) {
    const before = ui.screen.view.text
    await ui.screen.press('Tab')
    await appears(ui, (view) => view.text !== before, 'next line', { timeoutMs: 1_000, settledMs: 50 })
    if (onScreen(ui.screen.view, wanted)) return
  }
}

function onScreen(view: ScreenView, wanted: Wanted): boolean {
  const menu = readMainMenu(view)
  return menu !== undefined && isOn(menu, wanted)
}

/** Waits for something on the screen; undefined where it does not come. */
export async function appears<T>(
  ui: Ui,
  matcher: (view: ScreenView) => T | undefined | false,
  what: string,
  { timeoutMs = answerMs, settledMs = 0 } = {},
): Promise<T | undefined> {
  try {
    const limits = { timeoutMs: Math.min(ui.timeoutMs, timeoutMs), settledMs, signal: ui.signal, what }
    return await ui.screen.expect(matcher, limits)
  } catch (error) {
    if (error instanceof ScreenTimeout) return undefined
    throw error
  }
}

/** Presses Enter on the line with the cursor, until petitboot says that it boots. Throws LabError where it never does. */
export async function pressEnter(ui: Ui, wanted: Wanted, pressed: () => void): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    pressed()
    await ui.screen.press('Enter')
    if (await appears(ui, (view) => saysAnything(view), 'status of the boot')) return
    // Either the key was lost, or what was said: drawn anew, the status shows which.
    const menu = await redraw(ui, 2).catch(() => undefined)
    // Where there is no menu any more, it boots what was selected.
    if (!menu || (menu.status !== null && boots(menu.status))) return
    if (attempt === 3 || !isOn(menu, wanted)) throw unreadable(ui, 'an answer of petitboot to Enter')
  }
}

/** Also where the menu is gone: petitboot went on. */
function saysAnything(view: ScreenView): boolean {
  const status = readStatus(view)
  return status === undefined ? view.text !== '' : status !== null && boots(status) !== undefined
}

export function unreadable(ui: Ui, expected: string): LabError {
  return new LabError(`${expected} does not appear; the screen shows:\n${ui.screen.text || '(nothing)'}`, {
    hint: 'Check the console: bytes are lost, or another program reads or writes it.',
  })
}

function noSuchLine({ items }: MainMenu, name: string): BoardError {
  const labels = items.flatMap(({ label }) => (label === null ? [] : [JSON.stringify(label)]))
  return new BoardError(`petitboot's menu has no line ${name}; it boots ${labels.join(', ') || 'nothing'}`, {
    hint: 'It shows what it found on disks and the network; look at the screen in the report.',
  })
}
