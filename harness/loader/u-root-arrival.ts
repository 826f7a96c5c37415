/** The ways to u-root's menu and into its shell, and what is read of the menu once it is there. */
import type { Console } from '../console/console.ts'
import { type ScreenMatcher, ScreenTimeout, type ScreenView } from '../console/screen.ts'
import { Shell } from '../console/shell.ts'
import { LabError } from '../errors.ts'
import type { Menu, Ui } from './menu-loader.ts'
import { bootEntries, readFailures, readList, type ShownList, shellLabel } from './u-root-menu.ts'
import { atShell, enterCommand, enterLine, hold, inputAt, prompts } from './u-root-typing.ts'

/** A prompt is fresh once nothing more comes for this long: gosh drops what is typed before it. */
const settledMs = 700
/** The list comes through a pipe, and the prompt does not: it may be late. */
const listLimitMs = 5_000
/** How often a silent console is asked to draw again what may have been lost. */
const pokeMs = 15_000
/** The same, once something of the menu is there: its time-out of ten seconds runs. */
const menuPokeMs = 2_500
const menuSigns = /LinuxBoot's|Enter an? |\n0\d\. |is the default/
const readings = 3
const screenLagMs = 1_000
const promptAtEnd = /is the default[^\n]*\):\s*\n > *$/

/** Where the menu that is shown begins in a console's text. */
export class ShownMenus {
  readonly #from = new WeakMap<Console, number>()

  /** What is printed from a position on is the menu that counts. */
  mark({ console }: Pick<Ui, 'console'>, from: number = console.position): number {
    this.#from.set(console, from)
    return from
  }

  /** Where the menu that counts begins to be printed. */
  from({ console }: Pick<Ui, 'console'>): number {
    return this.#from.get(console) ?? console.position
  }

  /** The text since then. */
  text(ui: Pick<Ui, 'console'>): string {
    return ui.console.since(this.from(ui))
  }

  list(ui: Pick<Ui, 'console'>): ShownList | undefined {
    return readList(this.text(ui))
  }
}

/** Whether the menu that counts is still there and waits for a choice, as after a refusal. */
export async function isAtMenu(ui: Ui, shown: ShownMenus): Promise<boolean> {
  if (!promptAtEnd.test(shown.text(ui))) return false
  try {
    // The screen is a little behind the text; before a power-on it was cleared.
    const limits = { timeoutMs: screenLagMs, signal: ui.signal, what: 'menu' }
    await ui.screen.expect((view) => inputAt(view, prompts.menu) === '', limits)
    return true
  } catch (error) {
    if (!(error instanceof ScreenTimeout)) throw error
    return false
  }
}

/** Whether the countdown is to be held, and, in `startMenu`, whether the shell has no line editor. */
export type MenuStart = { hold: boolean; plain?: boolean }

/**
 * From a power-on to the menu, or to the shell that u-root comes up with. Throws ScreenTimeout where neither comes,
 * LabError where the menu came and was over before it was read.
 */
export async function reachMenuOrShell(
  ui: Ui,
  shown: ShownMenus,
  { hold: holding }: MenuStart,
): Promise<'menu' | 'shell'> {
  const reached = await awaitScreen(ui, "u-root's menu or shell", menuOrShell, { shown, holding })
  if (reached === 'menu' && holding) await hold(ui)
  return reached
}

function menuOrShell(view: ScreenView): 'menu' | 'shell' | false {
  return inputAt(view, prompts.menu) === '' ? 'menu' : atShell(view) && 'shell'
}

/** Starts a command with a menu in the shell whose prompt is there. Throws as `reachMenuOrShell`. */
export async function startMenu(
  ui: Ui,
  command: string,
  shown: ShownMenus,
  { hold: holding, plain = false }: MenuStart,
): Promise<void> {
  shown.mark(ui)
  await enterCommand(ui, command, { plain })
  const there = (view: ScreenView) => inputAt(view, prompts.menu) === ''
  await awaitScreen(ui, `menu of \`${command}\``, there, { shown, holding })
  if (holding) await hold(ui)
}

/** The list of the menu that is there; where some of it was lost, what is there of it. */
export async function readShown(ui: Ui, shown: ShownMenus): Promise<ShownList | undefined> {
  const limits = {
    timeoutMs: Math.min(ui.timeoutMs, listLimitMs),
    signal: ui.signal,
    what: 'list of entries',
  }
  try {
    await ui.screen.expect(() => shown.list(ui)?.whole === true, limits)
  } catch (error) {
    if (!(error instanceof ScreenTimeout)) throw error
  }
  return shown.list(ui)
}

/**
 * The whole list, which u-root prints again only when it is started again. Throws LabError where it can't be read, or
 * where not even the way into the shell can.
 */
export async function readWhole(ui: Ui, command: string, shown: ShownMenus): Promise<ShownList> {
  for (let reading = 1; ; reading++) {
    const list = await readShown(ui, shown)
    if (list?.whole) return list
    if (reading === readings || !wayToShell(list)) throw unreadable(ui)
    await printAgain(ui, command, shown)
  }
}

/** Leaves the menu for its shell and starts it anew. Throws LabError where the way into the shell can't be read. */
export async function printAgain(ui: Ui, command: string, shown: ShownMenus): Promise<void> {
  await enterMenuShell(ui, shown)
  await startMenu(ui, command, shown, { hold: true })
}

/** Waits for a fresh prompt of u-root's shell. Throws ScreenTimeout, which names what was waited for. */
export async function awaitShell(ui: Ui, what: string): Promise<void> {
  await awaitScreen(ui, what, atShell)
}

/** Chooses the menu's shell, and waits for its prompt. */
export async function enterMenuShell(ui: Ui, shown: ShownMenus): Promise<void> {
  const number = wayToShell(await readShown(ui, shown))
  if (number === undefined) throw unreadable(ui)
  await enterLine(ui, prompts.menu, String(number))
  await awaitShell(ui, "prompt of u-root's shell")
}

/**
 * A shell without a line editor in place of the one whose prompt is there: gosh's shows lines above 80 columns cut,
 * and loses up to 15 bytes of what is typed ahead (pkg/liner).
 */
export async function plainShell(ui: Ui): Promise<Shell> {
  const shell = new Shell(ui.console, { prompt: '$ ' })
  await enterCommand(ui, 'TERM=dumb gosh')
  await awaitShell(ui, "prompt of u-root's plain shell")
  await shell.synchronise(ui.timeoutMs, ui.signal)
  return shell
}

/** What is shown, as a person reads it. */
export function menuOf(list: ShownList | undefined, text: string): Menu {
  const entries = list ? bootEntries(list) : []
  return {
    entries: entries.map(({ label }, index) => ({ label, isDefault: index === 0 })),
    selected: entries[0]?.label ?? null,
    countdownS: null,
    status: readFailures(text).at(-1)?.message ?? null,
  }
}

/** The number that leads to the shell; undefined where it can't be told. */
function wayToShell(list: ShownList | undefined): number | undefined {
  const last = list?.entries.at(-1)
  const before = list?.entries.at(-2)
  if (last?.label !== shellLabel) return undefined
  return before === undefined || before.number === last.number - 1 ? last.number : undefined
}

/**
 * Waits for something on the screen that then stands still; Ctrl-L draws a lost prompt again, and does no harm. Where a
 * menu is to come, what it shows counts from its mark on.
 */
async function awaitScreen<T>(
  ui: Ui,
  what: string,
  matcher: ScreenMatcher<T>,
  menu?: { shown: ShownMenus; holding: boolean },
): Promise<T> {
  const deadline = performance.now() + ui.timeoutMs
  for (let position = -1; ; ) {
    const left = Math.max(1, deadline - performance.now())
    const signs = menu && menuSigns.test(menu.shown.text(ui))
    const pauseMs = signs ? menuPokeMs : pokeMs
    try {
      const limits = { timeoutMs: Math.min(left, pauseMs), signal: ui.signal, what, settledMs }
      return await ui.screen.expect(matcher, limits)
    } catch (error) {
      if (!(error instanceof ScreenTimeout)) throw error
      if (menu?.holding && /Attempting to boot /.test(menu.shown.text(ui))) throw overTooSoon(ui)
      // It was there, and went on: what it said when it did may be damaged, and its kernel be quiet.
      if (left <= pauseMs && menu?.holding && signs) throw overTooSoon(ui)
      if (left <= pauseMs) throw new ScreenTimeout(what, ui.timeoutMs, ui.screen.text)
      if (ui.console.position === position || signs) await ui.screen.press('Ctrl-L')
      position = ui.console.position
    }
  }
}

function overTooSoon(ui: Ui): LabError {
  return new LabError(
    `the time-out of u-root's menu was over before its prompt could be read; the screen shows:\n${ui.screen.text}`,
    { hint: 'Check the console: bytes are lost. Or this host is too slow for its ten seconds.' },
  )
}

function unreadable(ui: Ui): LabError {
  return new LabError(
    `u-root's menu can't be read: its numbers do not go up from 01 to "${shellLabel}"; the screen shows:\n${ui.screen.text || '(nothing)'}`,
    { hint: 'Check the console: bytes are lost, or another program reads or writes it.' },
  )
}
