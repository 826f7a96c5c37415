/** petitboot: its menu on the console, petitboot-nc of its sources. */
import { systemClock } from '../clock.ts'
import { ScreenTimeout, type ScreenView } from '../console/screen.ts'
import { BoardError, LabError } from '../errors.ts'
import { beforeCountdownEnds } from './menu-countdown.ts'
import type { Menu, MenuLoader, Ui } from './menu-loader.ts'
import { awaitRefusal } from './petitboot-boot.ts'
import { appendArguments } from './petitboot-edit.ts'
import {
  appears,
  drawUntil,
  moveTo,
  plainHome,
  pressEnter,
  readWhole,
  redraw,
  selectedLine,
  unreadable,
} from './petitboot-keys.ts'
import {
  boots,
  entryOf,
  isShown,
  type MainMenu,
  menuOf,
  readMainMenu,
  readSaid,
  shownLabel,
} from './petitboot-screen.ts'
import { enterShell, leaveShell } from './petitboot-shell.ts'

/** Devices are found one after the other: a list that has not changed for so long is taken for whole. */
const quietMs = 3_000
/** A petitboot that boots nothing by itself counts nothing down. */
const countdownMs = 15_000
/** How long entries are waited for before the screen is drawn anew, on which they may be damaged. */
const damagedMs = 15_000
/** What the answer to Home may take, of the ten seconds that the countdown has. */
const movedMs = 1_500

/** Drives petitboot. */
export const petitboot: MenuLoader = {
  ui: 'menu',
  name: 'petitboot',
  // `kexec -l`, then `kexec -s` where that fails (discover/boot.c, kexec_load()).
  method: { syscall: 'kexec_load', checks: true, ifdown: true },
  configs: ['grub'],
  otherConfigs: ['blscfg', 'syslinux', 'petitboot', 'kboot', 'yaboot'],
  canEdit: true,
  shownLabel,

  async arrive(ui, { holdCountdown }) {
    const from = await reachMenu(ui)
    if (!holdCountdown) return menuOf(await awaitCountdown(ui))
    const what = 'its countdown was seen to be stopped, and its menu read'
    return await beforeCountdownEnds(ui, { loader: 'petitboot', from, what }, async (held) => {
      await hold(held)
      return menuOf(await readWhole(held, await awaitEntries(held)))
    })
  },

  async boot(ui, choice, watch) {
    const from = ui.console.position
    if (choice.by === 'time-out') {
      await awaitDefault(ui)
      watch.chosen(systemClock.nowNs())
      return await awaitRefusal(ui, from, watch)
    }
    const wanted = entryOf(choice.label)
    const name = JSON.stringify(choice.label)
    await beforeCountdownEnds(ui, { loader: 'petitboot', from, what: `${name} was chosen` }, async (held) => {
      await moveTo(held, wanted, name)
      if (choice.edit === undefined) return
      await appendArguments(held, choice.edit)
      await moveTo(held, wanted, name)
    })
    const pressedFrom = ui.console.position
    await pressEnter(ui, wanted, () => watch.chosen(systemClock.nowNs()))
    return await awaitRefusal(ui, pressedFrom, watch)
  },

  async rescan(ui): Promise<Menu> {
    await moveTo(ui, ({ label, text }) => label === null && text === 'Rescan devices', '"Rescan devices"')
    await ui.screen.press('Enter')
    // What is there now goes first.
    await appears(ui, (view) => readMainMenu(view)?.items.every(({ label }) => label === null), 'empty menu')
    return menuOf(await readWhole(ui, await awaitEntries(ui)))
  },

  shell: { enter: enterShell, leave: async (ui) => menuOf(await leaveShell(ui)) },
}

/** Where the menu begins in the console's text. Throws ScreenTimeout where none comes in time. */
async function reachMenu(ui: Ui): Promise<number> {
  await ui.screen.expect(isShown, limits(ui, "petitboot's menu"))
  return ui.console.position
}

/**
 * Any key stops the countdown, also one that is not there yet; Home only moves the cursor, which begins on the last line.
 * Throws LabError where it does not move.
 */
async function hold(ui: Ui): Promise<void> {
  const moved = (view: ScreenView) => isAtTop(readMainMenu(view))
  for (let attempt = 1; attempt <= 5; attempt++) {
    await ui.screen.press('Home', ...(attempt === 1 ? [] : [plainHome]))
    await appears(ui, moved, 'moved cursor', { timeoutMs: movedMs })
    // What is drawn by differences may be damaged, so that it only seems to have moved.
    const line = await selectedLine(ui, 6).catch((error: unknown) => {
      if (ui.signal.aborted || !(error instanceof LabError)) throw error
    })
    if (line === '' || line?.startsWith('[')) return
  }
  if (!isAtTop(await redraw(ui))) throw unreadable(ui, 'an answer of petitboot to Home')
}

/** The first line of an empty menu is the blank one that entries are put above. */
function isAtTop(menu: MainMenu | undefined): boolean {
  return (
    menu !== undefined && menu.cursor !== null && (menu.cursor === 0 || menu.items[menu.cursor]!.text === '')
  )
}

/** Waits until there are entries, and no more come. Throws ScreenTimeout where none does, LabError where none can be read. */
async function awaitEntries(ui: Ui): Promise<MainMenu> {
  const what = "entries in petitboot's menu"
  const deadline = performance.now() + ui.timeoutMs
  for (;;) {
    const found = (view: ScreenView) => hasEntries(readMainMenu(view))
    await appears(ui, found, what, { timeoutMs: damagedMs })
    // A status that changes on and on, as of a download, is no reason to wait for ever.
    const still = { timeoutMs: 5 * quietMs, settledMs: quietMs }
    await appears(ui, (view) => view.text !== '', what, still)
    const menu = await redraw(ui)
    if (hasEntries(menu)) return menu
    if (performance.now() > deadline) throw new ScreenTimeout(what, ui.timeoutMs, ui.screen.text)
  }
}

/** Waits for entries and the countdown to the default, where there is one. */
async function awaitCountdown(ui: Ui): Promise<MainMenu> {
  const counts = (view: ScreenView) => hasEntries(readMainMenu(view)) && readSaid(view)?.kind === 'countdown'
  await appears(ui, counts, 'countdown', { timeoutMs: Math.min(ui.timeoutMs, countdownMs) })
  const { view } = ui.screen
  const shown = readMainMenu(view)
  return shown && counts(view) ? shown : await redraw(ui)
}

/** Waits until the default is booted by itself. Throws BoardError where nothing counts down to one. */
async function awaitDefault(ui: Ui): Promise<void> {
  for (;;) {
    const seen =
      (await appears(ui, comesToDefault, 'countdown', { timeoutMs: countdownMs })) ??
      (await drawUntil(ui, 6, (drawings) => drawings.map(({ status }) => kindOf(status)).find(Boolean)))
    if (seen === 'booting') return
    if (seen === undefined)
      throw new BoardError('petitboot boots nothing by itself: no countdown to a default entry is shown', {
        hint: 'The disk may have no default, auto-boot may be off, or a key was pressed before.',
      })
    const over = (view: ScreenView) => comesToDefault(view) === 'booting'
    if (await appears(ui, over, 'end of the countdown', { timeoutMs: countdownMs })) return
  }
}

function comesToDefault(view: ScreenView): 'booting' | 'counting' | undefined {
  return kindOf(readSaid(view)?.text ?? null)
}

function kindOf(status: string | null): 'booting' | 'counting' | undefined {
  const kind = status === null ? undefined : boots(status)
  if (kind === undefined) return undefined
  return kind === 'countdown' ? 'counting' : 'booting'
}

function hasEntries(menu: MainMenu | undefined): boolean {
  return menu?.items.some(({ label }) => label !== null) === true
}

function limits({ timeoutMs, signal }: Ui, what: string) {
  return { timeoutMs, signal, what }
}
