/** Keys for petitboot-nc, each made sure of on the screen. Few begin with Escape, which alone leaves the menu. */
import { ScreenTimeout, type ScreenView } from '../console/screen.ts'
import { BoardError, LabError } from '../errors.ts'
import type { Ui } from './menu-loader.ts'
import { agreedLine, agreedMenu } from './petitboot-agreement.ts'
import {
  atPrompt,
  boots,
  type Drawing,
  type Item,
  isShown,
  itemsFrom,
  type MainMenu,
  readDrawing,
  readMainMenu,
  readSaid,
} from './petitboot-screen.ts'

/** How long the answer to a key may take: a slow board draws a menu in a second. */
export const answerMs = 10_000
/** Ctrl-L is one byte, which does no harm when it comes twice. */
const firstAnswerMs = 3_000
/** A screen is drawn whole once it stands still for so long. */
const drawnMs = 500
/** Of lines such as a menu's, one byte in a hundred that is lost leaves two in three as they are. */
const drawingsAtMost = 24
/** Where nothing is drawn so often, petitboot does not run. */
const silencesAtMost = 3
const attempts = 8
const longestList = 500

/** Home in two plain characters, of which one alone does nothing (define_key("OH") of nc-cui.c, from 1.0.0 on). */
export const plainHome = { text: 'OH' }

/** Tells the line that is looked for. */
export type Wanted = (item: Item) => boolean

/**
 * The main menu, drawn anew until enough of its drawings agree on all of it. Throws LabError where they never do.
 */
export async function redraw(ui: Ui, atMost = drawingsAtMost): Promise<MainMenu> {
  const menu = await drawUntil(ui, atMost, agreedMenu)
  if (!menu) throw unreadable(ui, "petitboot's menu")
  return menu
}

/** The line with the cursor, as two drawings have it. Throws LabError where none do. */
export async function selectedLine(ui: Ui, atMost = drawingsAtMost): Promise<string> {
  const line = await drawUntil(ui, atMost, agreedLine)
  if (line === undefined) throw unreadable(ui, "the cursor of petitboot's menu")
  return line
}

/** Has it drawn until what was drawn is enough; undefined where it never is, or nothing is drawn. */
export async function drawUntil<T>(
  ui: Ui,
  atMost: number,
  agreed: (drawings: readonly Drawing[]) => T | undefined,
): Promise<T | undefined> {
  const drawings: Drawing[] = []
  for (let asked = 1, silences = 0; asked <= atMost && silences < silencesAtMost; asked++) {
    const view = await drawAnew(ui, silences === 0 ? firstAnswerMs : answerMs)
    silences = view ? 0 : silences + 1
    if (!view) continue
    // Of a key such as Home only the Escape arrived.
    if (atPrompt(view)) await ui.screen.press({ text: 'exit' }, 'Enter')
    else drawings.push(readDrawing(view))
    const found = agreed(drawings)
    if (found !== undefined) return found
  }
  return undefined
}

/** All of the screen, on a terminal that forgot what it showed; undefined where nothing comes. */
async function drawAnew(ui: Ui, timeoutMs: number): Promise<ScreenView | undefined> {
  // Whatever a damaged sequence has set, such as a scrolling region, must not shift what is drawn now.
  ui.screen.clear()
  // Ctrl-L is the one key that neither stops the countdown nor clears the status (nc-cui.c), and curses draws all then.
  await ui.screen.press('Ctrl-L')
  return await appears(ui, (view) => view.text !== '' && view, 'screen drawn anew', {
    timeoutMs,
    settledMs: drawnMs,
  })
}

/**
 * Puts the cursor on a line and makes sure of it, with no status of a boot before left to be taken for the next one's.
 * Throws BoardError where there is no such line, LabError where it can't be read.
 */
export async function moveTo(ui: Ui, wanted: Wanted, name: string): Promise<void> {
  let menu = await redraw(ui)
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const found = menu.items.flatMap((item, index) => (wanted(item) ? [index] : []))
    if (found.length > 1) throw new BoardError(`petitboot's menu has ${found.length} lines ${name}`)
    if (menu.whole && found.length === 0) {
      // Lines that many drawings had damaged may be missing.
      menu = await redraw(ui)
      if (menu.whole && !menu.items.some(wanted)) throw noSuchLine(menu, name)
      continue
    }
    const way = wayTo(menu, found[0])
    if (way && !way.home && way.tabs === 0) return
    if (way) await step(ui, way, wanted)
    else await walk(ui, attempt === 1, menu.items.length, wanted)
    if (await standsOn(ui, wanted)) return
    menu = await redraw(ui)
  }
  const hasEntries = menu.items.some(({ label }) => label !== null)
  // A list longer than the screen was gone through line by line.
  if (hasEntries && !menu.whole) throw noSuchLine(menu, name)
  throw unreadable(ui, `the cursor on petitboot's line ${name}`)
}

/** Whether two drawings since the last key have the cursor on it: what is lost twice is not lost in the same way. */
async function standsOn(ui: Ui, wanted: Wanted): Promise<boolean> {
  return isLine(await selectedLine(ui), wanted)
}

/** What is selected is either an entry or one of the lines below. */
function isLine(text: string, wanted: Wanted): boolean {
  return itemsFrom([text]).some((item) => wanted(item) || wanted({ ...item, label: null }))
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
  if (index === undefined || (!whole && isBelow)) return undefined
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
    if (current.cursor === null) throw unreadable(ui, "the cursor of petitboot's menu")
    items.push(current.items[current.cursor]!)
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
    if (await appears(ui, saysThatItBoots, 'status of the boot')) return
    // Either the key was lost, or what was said: drawn anew, the status shows which. Nothing, and it went on.
    const shown = await drawUntil(ui, drawingsAtMost, stillAtMenu)
    if (shown === undefined || shown === 'boots') return
    if (attempt === 3 || !isLine(shown.line, wanted)) throw unreadable(ui, 'an answer of petitboot to Enter')
  }
}

/** Three drawings that say nothing of a boot, two of them with the same line under the cursor. */
function stillAtMenu(drawings: readonly Drawing[]): 'boots' | { line: string } | undefined {
  if (drawings.some(({ status }) => status !== null && boots(status))) return 'boots'
  const line = drawings.length < 3 ? undefined : agreedLine(drawings)
  return line === undefined ? undefined : { line }
}

/** Also where the menu is gone: petitboot went on. */
function saysThatItBoots(view: ScreenView): boolean {
  return view.text !== '' && (!isShown(view) || readSaid(view) !== undefined)
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
