/** The steps of a dialogue with a bootloader. What is typed is seen on the screen before the key that acts on it. */
import type { DialogueStep } from '../board/dialogue-schema.ts'
import { systemClock } from '../clock.ts'
import type { KeyName } from '../console/keys.ts'
import { ScreenTimeout, type ScreenView, screenSize } from '../console/screen.ts'
import { checkedMs } from '../duration.ts'
import { BoardError, LabError } from '../errors.ts'
import type { DialogueChoice } from './dialogue.ts'
import { type DialogueEntry, isDamaged, type ReadMenu, readMenu, typedRow } from './dialogue-menu.ts'
import type { Ui } from './menu-loader.ts'

/** What stands for {label}, {number} and {edit} in a line to send. */
type Words = { label: string; number: string | null; edit: string }
type Pressing = (atNs: bigint) => void

const attempts = 4
/** How long an echo, or the answer to a key, may take before it is taken for lost; a tenth of the limit at most. */
const longestEchoMs = 10_000
/** A menu is read once nothing of it has changed for so long. */
const settledMs = 300

/** One conversation with a bootloader, from a place in what it says. */
export class Dialogue {
  readonly #ui: Ui
  readonly #choice: DialogueChoice
  readonly #deadline: number
  readonly #echoMs: number
  /** What comes is looked for from here on: after what was seen, and after the echo of what was typed. */
  position: number

  constructor(ui: Ui, choice: DialogueChoice, from: number) {
    this.#ui = ui
    this.#choice = choice
    this.#deadline = performance.now() + ui.timeoutMs
    this.#echoMs = Math.min(longestEchoMs, ui.timeoutMs / 10)
    this.position = from
  }

  /**
   * Takes steps one after the other; `pressing` is told the moment before the last key of the last one, nanoseconds.
   * Throws ConsoleTimeout, ScreenTimeout, or LabError where what was typed did not arrive.
   */
  async run(steps: readonly DialogueStep[], words?: Words, pressing?: Pressing): Promise<void> {
    for (const [index, step] of steps.entries())
      await this.#take(step, words, index === steps.length - 1 ? pressing : undefined)
  }

  /** Whether it waits for what a person does: its prompt stands before the cursor, or its menu is on the screen. */
  isReady(view: ScreenView = this.#ui.screen.view): boolean {
    const { prompt, menu } = this.#choice
    if (prompt !== undefined) return rowOf(view) === prompt.trimEnd()
    return menu?.on === 'screen' && this.menu(0).entries.length > 0
  }

  /**
   * Waits until it is ready after what was done last. Where all is quiet, a fresh prompt is asked for: at once, or only
   * late, since on the way from a power-on there may be others who take keys. Throws ScreenTimeout.
   */
  async ready(ask: 'at once' | 'late' | 'never'): Promise<void> {
    const { prompt, menu, name } = this.#choice
    if (prompt === undefined && menu?.on !== 'screen') return
    const what = prompt === undefined ? `menu of ${name}` : `prompt ${JSON.stringify(prompt)} of ${name}`
    const askBelowMs = { 'at once': this.#ui.timeoutMs, late: this.#ui.timeoutMs / 2, never: 0 }[ask]
    for (;;) {
      const { position } = this.#ui.console
      if (await this.isBackWithin(Math.min(this.#echoMs / 2, this.#leftMs()))) return
      if (this.#leftMs() <= 1) throw new ScreenTimeout(what, this.#ui.timeoutMs, this.#ui.screen.text)
      if (this.#ui.console.position === position && this.#leftMs() < askBelowMs) await this.#fresh()
    }
  }

  /** Whether a prompt comes after what was done last, and nothing after it; a menu of keys has only to be there. */
  isBackWithin(timeoutMs: number): Promise<boolean> {
    const { prompt = '' } = this.#choice
    const isBack = (view: ScreenView) =>
      this.isReady(view) && this.#ui.console.since(this.position).includes(prompt.trimEnd())
    return this.#appears(isBack, timeoutMs)
  }

  /** The menu as it can be read now; of what was printed, from a position on. */
  menu(from: number): ReadMenu {
    return readMenu(this.#choice.menu, this.#ui, from)
  }

  /** The menu, shown again where nothing of it can be read. */
  async wholeMenu(from: number): Promise<ReadMenu> {
    const { menu: words } = this.#choice
    if (words && words.again.length > 0 && this.menu(from).entries.length === 0) await this.#showAgain(words)
    return this.menu(from)
  }

  /** The menu after it was shown again. */
  async rescan(): Promise<ReadMenu> {
    await this.#showAgain(this.#choice.menu!)
    await this.#settledEntries()
    return this.menu(0)
  }

  /** The entry with that label. Throws BoardError where the menu has none, LabError where it can't be read. */
  async find(label: string): Promise<Pick<DialogueEntry, 'label' | 'number'>> {
    const { menu: words, name } = this.#choice
    if (!words) return { label, number: null }
    let shown: string[] = []
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const entries = await this.#settledEntries()
      const found = entries.find((entry) => entry.label === label)
      if (found) return found
      const labels = entries.map((entry) => entry.label)
      // Read twice alike, it is so.
      const isSure = attempt > 1 && labels.join('\n') === shown.join('\n')
      shown = labels
      if (isSure || words.again.length === 0) break
      await this.#showAgain(words)
    }
    const damaged = shown.find((text) => isDamaged(text, label))
    if (damaged !== undefined || shown.length === 0)
      throw this.#unreadable(
        `${name}'s menu can't be read: ${JSON.stringify(label)} is not in it, but ${JSON.stringify(damaged ?? 'nothing')}`,
      )
    const all = shown.map((text) => JSON.stringify(text)).join(', ')
    throw new BoardError(`${name}'s menu has no entry ${JSON.stringify(label)}; it has ${all}`)
  }

  /** Has the entries shown again. */
  async #showAgain({ on, again }: NonNullable<DialogueChoice['menu']>): Promise<void> {
    // What is left of the old screen must not be taken for the new one.
    if (on === 'screen') this.#ui.screen.clear()
    await this.run(again)
    if (on === 'lines') await this.ready('at once')
  }

  /** The entries once nothing of them changes; none where none come. */
  async #settledEntries(): Promise<ReadMenu['entries']> {
    const { screen, signal } = this.#ui
    const limits = { timeoutMs: Math.min(this.#echoMs, this.#leftMs()), signal, settledMs, what: 'menu' }
    try {
      return (await screen.expect(() => this.#shownMenu(), limits)).entries
    } catch (error) {
      if (error instanceof ScreenTimeout) return []
      throw error
    }
  }

  async #take(step: DialogueStep, words: Words | undefined, pressing: Pressing | undefined): Promise<void> {
    const { console, signal } = this.#ui
    if ('expect' in step) {
      const limitMs = step.limit === undefined ? this.#leftMs() : checkedMs(step.limit)
      const match = await console.expect(step.expect, {
        ...{ from: this.position, signal, timeoutMs: Math.min(limitMs, this.#leftMs()) },
        what: `${JSON.stringify(step.expect)} of ${this.#choice.name}`,
      })
      this.position = match.end
    } else if ('send' in step) await this.#send(filled(step.send, words), step.end, pressing)
    else if ('menu' in step) await this.#moveTo(words!.label, step.menu)
    else await this.#press(step.press, pressing)
  }

  async #press(keys: readonly KeyName[], pressing: Pressing | undefined): Promise<void> {
    const { console, screen } = this.#ui
    const before = console.position
    this.position = before
    await screen.press(...keys.slice(0, -1))
    if (!pressing) return await screen.press(...keys.slice(-1))
    const { text } = screen
    pressing(systemClock.nowNs())
    await screen.press(...keys.slice(-1))
    // Where nothing came of the key that boots, and the menu is as it was, the key was lost.
    const isAnswered = () => console.position !== before || screen.text !== text
    if (!(await this.#appears(isAnswered, this.#echoMs))) await screen.press(...keys.slice(-1))
  }

  /** Types a line, sees it on the screen, and ends it. */
  async #send(text: string, end: string, pressing: Pressing | undefined): Promise<void> {
    const { console, screen } = this.#ui
    await this.#type(text)
    const isThere = this.#shows(text)
    const before = console.position
    this.position = before
    pressing?.(systemClock.nowNs())
    await screen.press({ text: end })
    if (await this.#appears((view) => !isThere(view), this.#echoMs)) return
    // Where nothing came at all, the key was lost; where something did, it was its echo.
    if (console.position === before) await screen.press({ text: end })
  }

  async #type(text: string): Promise<void> {
    const { prompt, name, fresh } = this.#choice
    let isPrompted = prompt === undefined || (await this.#appears((view) => this.isReady(view), this.#echoMs))
    for (let attempt = 1; ; attempt++) {
      if (isPrompted) {
        await this.#ui.screen.press({ text })
        if (await this.#appears(this.#shows(text), this.#echoMs)) return
      }
      if (attempt === attempts || fresh === undefined)
        throw this.#unreadable(
          `${JSON.stringify(text)}, which was typed, does not appear at the prompt of ${name} (attempt ${attempt})`,
        )
      await this.#fresh()
      isPrompted = prompt === undefined || (await this.isBackWithin(this.#echoMs))
    }
  }

  #shows(text: string): (view: ScreenView) => boolean {
    const { prompt } = this.#choice
    return (view) =>
      prompt === undefined
        ? rowOf(view).endsWith(text.trimEnd())
        : rowOf(view) === `${prompt}${text}`.trimEnd()
  }

  /** Moves the cursor, one key at a time, until it stands on the entry and stays there. */
  async #moveTo(
    label: string,
    { next, previous }: Extract<DialogueStep, { menu: unknown }>['menu'],
  ): Promise<void> {
    const { screen, signal } = this.#ui
    const { name, menu: words } = this.#choice
    if (words?.cursor === undefined)
      throw new BoardError(`${name}'s menu has a cursor to move, but nothing says how it is shown`, {
        hint: "Give the menu of its loader, in the board's descriptor, a cursor: reverse, or a mark.",
      })
    for (let presses = 0; ; presses++) {
      const { entries, selected } = await screen.expect(() => this.#shownMenu(), {
        ...{ timeoutMs: Math.min(this.#echoMs, this.#leftMs()), signal, settledMs },
        what: `menu of ${name}`,
      })
      if (selected === label) return
      if (presses > 2 * entries.length + 2 * attempts)
        throw this.#unreadable(`${name}'s cursor does not come to ${JSON.stringify(label)}`)
      const [from, to] = [selected, label].map((one) => entries.findIndex((entry) => entry.label === one))
      const { text } = screen
      await screen.press(from! > to! && to !== -1 ? previous : next)
      await this.#appears(() => screen.text !== text || this.menu(0).selected !== selected, this.#echoMs)
    }
  }

  #shownMenu(): ReadMenu | undefined {
    const menu = this.menu(0)
    return menu.entries.length === 0 ? undefined : menu
  }

  async #fresh(): Promise<void> {
    const { fresh } = this.#choice
    if (fresh === undefined) return
    this.position = this.#ui.console.position
    await this.#ui.screen.press({ text: fresh })
  }

  async #appears(shown: (view: ScreenView) => boolean, timeoutMs: number): Promise<boolean> {
    const { screen, signal } = this.#ui
    try {
      return await screen.expect(shown, { timeoutMs: Math.max(1, timeoutMs), signal, what: 'answer' })
    } catch (error) {
      if (error instanceof ScreenTimeout) return false
      throw error
    }
  }

  #leftMs(): number {
    return Math.max(1, Math.round(this.#deadline - performance.now()))
  }

  #unreadable(what: string): LabError {
    return new LabError(`${what}; the screen shows:\n${this.#ui.screen.text || '(nothing)'}`, {
      hint: "Check the console: bytes are lost, or another program reads or writes it. Or the descriptor's prompt and menu are not what the bootloader shows.",
    })
  }
}

function rowOf(view: ScreenView): string {
  return typedRow(view, screenSize.columns).trimEnd()
}

function filled(text: string, words: Words | undefined): string {
  if (!words) return text
  const values: Record<string, string> = { label: words.label, number: words.number ?? '', edit: words.edit }
  return text.replace(/\{(label|number|edit)\}/g, (_, name: string) => values[name]!)
}
