/** Presses kexecboot's keys on the machine's keyboard, and sees on the screen what each of them did. */
import { type ScreenMatcher, ScreenTimeout } from '../console/screen.ts'
import { BoardError, LabError } from '../errors.ts'
import { isDamaged } from './dialogue-menu.ts'
import {
  debugInfo,
  isBlankMenu,
  isDebugInfo,
  isMainMenu,
  isSystemMenu,
  itemsOf,
  type KexecbootItem,
  loggedMenu,
  systemMenu,
} from './kexecboot-menu.ts'
import type { Menu, Ui } from './menu-loader.ts'

/** A menu is drawn line by line; a new one is read once nothing of it has changed for so long. */
const settledMs = 500
/** After a key, of which only the cursor is wanted. */
const movedMs = 250
/** How long a key may take to show; a tenth of the limit at most. */
const longestAnswerMs = 10_000
const attempts = 4

export class KexecbootKeys {
  readonly #ui: Ui
  readonly #answerMs: number

  constructor(ui: Ui) {
    this.#ui = ui
    this.#answerMs = Math.min(longestAnswerMs, ui.timeoutMs / 10)
  }

  /**
   * The menu once it is there. Throws ScreenTimeout, LabError where it can't be read, or, where it is to be driven,
   * BoardError for one that is blank: its entries are in the log only.
   */
  async arrive(mayBeBlank: boolean): Promise<Menu> {
    const { screen } = this.#ui
    await this.reach()
    if (!isBlankMenu(screen.view)) return await this.#wholeMenu()
    if (mayBeBlank) return this.#menu()
    throw new BoardError("kexecboot's menu is blank but for its title: its terminal has no size", {
      hint: 'Have its init run `stty rows 24 cols 80` on the console before it.',
    })
  }

  /** Waits for a menu, be it blank. Throws ScreenTimeout. */
  async reach(): Promise<void> {
    const isThere: ScreenMatcher<boolean> = (view) =>
      isMainMenu(itemsOf(view)) || (isBlankMenu(view) && this.#logged() !== undefined)
    await this.#see(isThere, 'menu of kexecboot', this.#ui.timeoutMs)
  }

  /**
   * Keeps it from booting its first entry. Nothing stops its time-out, but it does nothing while the debug log is
   * shown (process_ctx_textview()).
   */
  async hold(): Promise<void> {
    if (!this.#ui.sendKey) return
    await this.#selectWhere((items) => items.find(({ label }) => label === systemMenu), isMainMenu)
    await this.#pressUntil('ret', (view) => isSystemMenu(itemsOf(view)), 'system menu of kexecboot')
    await this.#selectWhere((items) => items.find(({ label }) => label === debugInfo), isSystemMenu)
    await this.#pressUntil('ret', isDebugInfo, "kexecboot's debug log")
  }

  /** From the debug log back to the menu; from the menu, nothing. */
  async leaveHold(): Promise<void> {
    const { view } = this.#ui.screen
    if (isDebugInfo(view))
      await this.#pressUntil('ret', (now) => isSystemMenu(itemsOf(now)), 'system menu of kexecboot')
    if (!isSystemMenu(itemsOf(this.#ui.screen.view))) return
    await this.#selectWhere((items) => items.find(({ label }) => label === 'Back'), isSystemMenu)
    await this.#pressUntil('ret', (now) => isMainMenu(itemsOf(now)), 'menu of kexecboot')
  }

  /** Has it look for entries again. */
  async rescan(): Promise<Menu> {
    const { console, signal } = this.#ui
    // It frees its entries, also the one that the cursor is on, and then reads it (do_rescan()); never the system menu.
    await this.#selectWhere((items) => items.find(({ label }) => label === systemMenu), isMainMenu)
    const from = console.position
    await this.#press('s')
    const log = { from, signal, timeoutMs: this.#ui.timeoutMs, what: "log of kexecboot's rescan" }
    // Where that line is damaged, the next ones are not: they are read again until they agree.
    await console.expect(/(?:Populating menu: |No items for menu found|\n\+ \[)/, log)
    await this.#see((view) => isMainMenu(itemsOf(view)), 'menu of kexecboot', this.#answerMs)
    return this.#menu()
  }

  /** Moves the cursor to the entry. Throws BoardError where there is none, LabError where the menu can't be read. */
  async moveTo(label: string): Promise<void> {
    let before: string | undefined
    await this.#selectWhere((items) => {
      const entries = items.filter(({ boots }) => boots)
      const found = entries.find((item) => item.label === label)
      // A menu that is longer than the screen has entries which only the log tells of.
      const logged = this.#logged()
      if (found || logged?.labels.includes(label)) return found ?? null
      const shown = logged?.labels ?? entries.map((item) => item.label)
      // The next key has the menu drawn again: read twice alike, it is so.
      const isSure = shown.join('\n') === before
      before = shown.join('\n')
      if (isSure) throw this.#missing(label, shown)
      return null
    }, isMainMenu)
  }

  /** Presses Enter on the entry that the cursor is on. */
  async enter(pressing: () => void): Promise<void> {
    const { console, screen } = this.#ui
    // Where it refuses, it is started again: this menu must not be taken for the next one.
    screen.clear()
    const before = console.position
    pressing()
    await this.#press('ret')
    // Its kexec tells what it does from the first moment on; where nothing comes at all, the key was lost.
    if (await this.#appears(() => console.position !== before, this.#answerMs)) return
    await this.#press('ret')
  }

  /** Moves the cursor, one key at a time, to the item that is wanted; null: it is somewhere out of sight. */
  async #selectWhere(
    wanted: (items: readonly KexecbootItem[]) => KexecbootItem | null | undefined,
    isMenu: (items: readonly KexecbootItem[]) => boolean,
  ): Promise<void> {
    for (let presses = 0; ; presses++) {
      const items = (await this.#settled(isMenu)) ?? itemsOf(this.#ui.screen.view)
      const to = isMenu(items) ? wanted(items) : undefined
      if (to?.selected && items.filter(({ selected }) => selected).length === 1) return
      const count = this.#logged()?.labels.length ?? items.length
      if (presses > attempts * (count + 2))
        throw this.#unreadable(
          `kexecboot's cursor does not come to ${JSON.stringify(to?.label ?? 'its entry')}`,
        )
      const at = items.findIndex(({ selected }) => selected)
      await this.#press(to && at > items.indexOf(to) ? 'up' : 'down')
      // In a menu that is being drawn it is nowhere.
      await this.#appears((view) => selectedIn(itemsOf(view)) !== selectedIn(items), this.#answerMs)
    }
  }

  async #settled(isMenu: (items: readonly KexecbootItem[]) => boolean): Promise<KexecbootItem[] | undefined> {
    const { screen, signal } = this.#ui
    const matcher: ScreenMatcher<KexecbootItem[]> = (view) => {
      const items = itemsOf(view)
      return isMenu(items) && items
    }
    try {
      return await screen.expect(matcher, {
        timeoutMs: this.#answerMs,
        signal,
        settledMs: movedMs,
        what: 'menu',
      })
    } catch (error) {
      if (error instanceof ScreenTimeout) return undefined
      throw error
    }
  }

  /**
   * Screen and log have to agree on every entry; where they don't, something was lost, and both are shown again until
   * each entry was read twice alike.
   */
  async #wholeMenu(): Promise<Menu> {
    const readings: (readonly string[])[] = []
    for (let attempt = 1; ; attempt++) {
      const menu = this.#menu()
      const shown = itemsOf(this.#ui.screen.view).filter(({ boots }) => boots)
      const logged = this.#logged()?.labels
      readings.push(
        ...(logged ? [logged] : []),
        shown.map(({ label }) => label),
      )
      if (!this.#ui.sendKey) return menu
      // A menu that is longer than the screen shows its end only.
      const isScrolled = logged !== undefined && shown.length > 0 && shown.length < logged.length
      const labels = isScrolled && shown.at(-1)!.label === logged.at(-1) ? logged : agreedOn(readings)
      if (labels)
        return { ...menu, entries: labels.map((label, index) => ({ label, isDefault: index === 0 })) }
      if (attempt === attempts) throw this.#unreadable('kexecboot shows its entries differently each time')
      await this.rescan()
    }
  }

  #menu(): Menu {
    const items = itemsOf(this.#ui.screen.view).filter(({ boots }) => boots)
    const labels = this.#logged()?.labels ?? items.map(({ label }) => label)
    return {
      // Which is the first one is all that it knows of a default.
      entries: labels.map((label, index) => ({ label, isDefault: index === 0 })),
      selected: items.find(({ selected }) => selected)?.label ?? null,
      countdownS: null,
      status: null,
    }
  }

  #logged() {
    const logged = loggedMenu(this.#ui.console.since(0))
    return logged?.whole ? logged : undefined
  }

  async #press(key: string): Promise<void> {
    this.#ui.signal.throwIfAborted()
    await this.#ui.sendKey!(key)
  }

  /** Presses a key once; where what it brings can't be seen, has that drawn again: Down does so, and no harm. */
  async #pressUntil(key: string, shown: ScreenMatcher<boolean>, what: string): Promise<void> {
    await this.#press(key)
    for (let attempt = 1; !(await this.#appears(shown, this.#answerMs)); attempt++) {
      if (attempt === attempts) throw this.#unreadable(`${what} did not come`)
      await this.#press('down')
    }
  }

  async #see(shown: ScreenMatcher<boolean>, what: string, timeoutMs: number): Promise<void> {
    await this.#ui.screen.expect(shown, { timeoutMs, signal: this.#ui.signal, settledMs, what })
  }

  async #appears(shown: ScreenMatcher<boolean>, timeoutMs: number): Promise<boolean> {
    try {
      await this.#ui.screen.expect(shown, { timeoutMs, signal: this.#ui.signal, what: 'answer' })
      return true
    } catch (error) {
      if (error instanceof ScreenTimeout) return false
      throw error
    }
  }

  #missing(label: string, shown: readonly string[]): BoardError | LabError {
    const damaged = shown.find((text) => isDamaged(text, label))
    if (damaged !== undefined)
      return this.#unreadable(`${JSON.stringify(label)} is shown as ${JSON.stringify(damaged)}`)
    const all = shown.map((text) => JSON.stringify(text)).join(', ')
    return new BoardError(`kexecboot's menu has no entry ${JSON.stringify(label)}; it has ${all || 'none'}`)
  }

  #unreadable(what: string): LabError {
    return new LabError(`${what}; the screen shows:\n${this.#ui.screen.text || '(nothing)'}`, {
      hint: 'Check the console: bytes are lost, or its terminal is not 80 columns and 24 lines wide (stty rows 24 cols 80).',
    })
  }
}

/** The entries, once each of them was read twice alike in its place; undefined before. */
function agreedOn(readings: readonly (readonly string[])[]): string[] | undefined {
  const count = mostOften(readings.map((reading) => String(reading.length)))
  if (count === undefined) return undefined
  const whole = readings.filter((reading) => String(reading.length) === count)
  const agreed = whole[0]!.map((_, index) => mostOften(whole.map((reading) => reading[index]!)))
  return agreed.every((label) => label !== undefined) ? agreed : undefined
}

/** What is there at least twice, and more often than anything else. */
function mostOften(texts: readonly string[]): string | undefined {
  const counts = Map.groupBy(texts, (text) => text)
  const [first, second] = [...counts].toSorted(([, one], [, other]) => other.length - one.length)
  const isClear = first !== undefined && first[1].length > (second?.[1].length ?? 1)
  return isClear ? first[0] : undefined
}

function selectedIn(items: readonly KexecbootItem[]): string | undefined {
  return items.find(({ selected }) => selected)?.label
}
