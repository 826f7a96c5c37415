/** petitboot: its menu on the console, petitboot-nc of its sources. */
import { systemClock } from '../clock.ts'
import { BoardError, LabError } from '../errors.ts'
import type { Menu, MenuLoader, Ui } from './menu-loader.ts'
import { awaitRefusal } from './petitboot-boot.ts'
import { appendArguments } from './petitboot-edit.ts'
import { appears, moveTo, pressEnter, readWhole, redraw, unreadable } from './petitboot-keys.ts'
import {
  boots,
  countdown,
  entryOf,
  type MainMenu,
  menuOf,
  readMainMenu,
  readStatus,
  shownLabel,
} from './petitboot-screen.ts'
import { enterShell, leaveShell } from './petitboot-shell.ts'

/** Devices are found one after the other: a list that has not changed for so long is taken for whole. */
const quietMs = 3_000
/** A petitboot that boots nothing by itself counts nothing down. */
const countdownMs = 15_000
/** How long a menu that is being drawn may not be readable. */
const damagedMs = 1_500

/** Drives petitboot. */
export const petitboot: MenuLoader = {
  ui: 'menu',
  name: 'petitboot',
  // `kexec -l`, then `kexec -s` where that fails (discover/boot.c, kexec_load()).
  method: { syscall: 'kexec_load', checks: true, ifdown: true },
  configs: ['grub'],
  canEdit: true,
  shownLabel,

  async arrive(ui, { holdCountdown }) {
    await reachMenu(ui, holdCountdown)
    if (!holdCountdown) return menuOf(await awaitCountdown(ui))
    await hold(ui)
    return menuOf(await readWhole(ui, await awaitEntries(ui)))
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
    await moveTo(ui, wanted, name)
    if (choice.edit !== undefined) {
      await appendArguments(ui, choice.edit)
      await moveTo(ui, wanted, name)
    }
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

/** Also on a screen that is too damaged to be read. */
const signs = /System (?:information|configuration|status)|Exit to shell|Rescan devices|Petitboot \(/

/** Throws ScreenTimeout where no menu comes in time, LabError where none can be read. */
async function reachMenu(ui: Ui, holdCountdown: boolean): Promise<void> {
  const what = "petitboot's menu"
  await ui.screen.expect(({ text }) => signs.test(text), limits(ui, what))
  if (await appears(ui, readMainMenu, what, { timeoutMs: damagedMs })) return
  for (let attempt = 1; attempt <= 10; attempt++) {
    // The countdown must not go on while the menu is made readable.
    if (holdCountdown) await ui.screen.press('Home')
    if (await redraw(ui, 3).catch(onlyUnreadable)) return
    ui.signal.throwIfAborted()
  }
  throw unreadable(ui, what)
}

function onlyUnreadable(error: unknown): undefined {
  if (!(error instanceof LabError)) throw error
}

/**
 * Any key stops the countdown, also one that is not there yet; Home only moves the cursor, which begins on the last line.
 * Throws LabError where it does not move.
 */
async function hold(ui: Ui): Promise<void> {
  for (let attempt = 1; attempt <= 5; attempt++) {
    if (isAtTop(readMainMenu(ui.screen.view))) return
    await ui.screen.press('Home')
    if (await appears(ui, (view) => isAtTop(readMainMenu(view)), 'moved cursor', { timeoutMs: 3_000 })) return
    // The key may have arrived, and what it did be damaged.
    if (isAtTop(await redraw(ui, 3).catch(onlyUnreadable))) return
  }
  throw unreadable(ui, 'an answer of petitboot to Home')
}

/** The first line of an empty menu is the blank one that entries are put above. */
function isAtTop(menu: MainMenu | undefined): boolean {
  return (
    menu !== undefined && menu.cursor !== null && (menu.cursor === 0 || menu.items[menu.cursor]!.text === '')
  )
}

/** Waits until there are entries, and no more come. Throws ScreenTimeout where none does. */
async function awaitEntries(ui: Ui): Promise<MainMenu> {
  const what = "entries in petitboot's menu"
  await ui.screen.expect((view) => hasEntries(readMainMenu(view)), limits(ui, what))
  // A status that changes on and on, as of a download, is no reason to wait for ever.
  await appears(ui, (view) => hasEntries(readMainMenu(view)), what, {
    timeoutMs: 5 * quietMs,
    settledMs: quietMs,
  })
  return readMainMenu(ui.screen.view) ?? (await redraw(ui))
}

/** Waits for entries and the countdown to the default, where there is one. */
async function awaitCountdown(ui: Ui): Promise<MainMenu> {
  await ui.screen.expect((view) => hasEntries(readMainMenu(view)), limits(ui, "entries in petitboot's menu"))
  const counting = await appears(ui, (view) => counts(readMainMenu(view)), 'countdown', {
    timeoutMs: countdownMs,
  })
  return counting || readMainMenu(ui.screen.view) || (await redraw(ui))
}

function counts(menu: MainMenu | undefined): MainMenu | undefined {
  return menu?.status && countdown.test(menu.status) ? menu : undefined
}

/** Waits until the default is booted by itself. Throws BoardError where nothing counts down to one. */
async function awaitDefault(ui: Ui): Promise<void> {
  for (;;) {
    const seen = await appears(ui, (view) => comesToDefault(readStatus(view)), 'countdown', {
      timeoutMs: countdownMs,
    })
    if (seen === 'booting') return
    if (seen === undefined)
      throw new BoardError('petitboot boots nothing by itself: no countdown to a default entry is shown', {
        hint: 'The disk may have no default, auto-boot may be off, or a key was pressed before.',
      })
    await appears(ui, (view) => comesToDefault(readStatus(view)) === 'booting', 'end of the countdown', {
      timeoutMs: countdownMs,
    })
  }
}

function comesToDefault(status: string | null | undefined): 'booting' | 'counting' | undefined {
  const kind = typeof status === 'string' ? boots(status) : undefined
  if (kind === undefined) return undefined
  return kind === 'countdown' ? 'counting' : 'booting'
}

function hasEntries(menu: MainMenu | undefined): boolean {
  return menu?.items.some(({ label }) => label !== null) === true
}

function limits({ timeoutMs, signal }: Ui, what: string) {
  return { timeoutMs, signal, what }
}
