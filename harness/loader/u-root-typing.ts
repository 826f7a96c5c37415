/** Types into u-root's shell and into the line editor of its menu, and sees on the screen that all of it arrived. */
import { systemClock } from '../clock.ts'
import type { KeyName } from '../console/keys.ts'
import { ScreenTimeout, type ScreenView } from '../console/screen.ts'
import { LabError } from '../errors.ts'
import type { Ui } from './menu-loader.ts'

/** Prompts of the menu, by words that no other prompt has: a whole line may be damaged. */
export const prompts = {
  menu: 'is the default',
  edit: 'boot option to edit:',
  change: 'eturn to main menu',
  append: 'cmdline to append:',
} as const
export type Prompt = (typeof prompts)[keyof typeof prompts]

/** A key that resets the menu's time-out and does nothing else: BEL, which its line editor does not insert. */
const bell = { text: '\x07' }
const echoLimitMs = 10_000
const attempts = 4
const promptRows = 3

/** Keeps the menu from booting its default for a minute. */
export async function hold(ui: Ui): Promise<void> {
  // Twice, since one byte may be lost, and nothing shows that it arrived.
  await ui.screen.press(bell, bell)
}

/** What stands on the menu's input line; undefined where the screen does not end with that prompt. */
export function inputAt({ rows, cursor }: ScreenView, prompt: Prompt): string | undefined {
  const isInput = (text: string) => /^ >(?: |$)/.test(text)
  const row = rows.findLastIndex((text, index) => index <= cursor.row && isInput(text))
  // A message that comes once the terminal is raw ends without a carriage return: the prompt begins in the middle of a
  // row then, and wraps.
  const before = rows.slice(0, Math.max(0, row))
  const words = before.slice(Math.max(before.findLastIndex(isInput) + 1, row - promptRows)).join('')
  if (!words.includes(prompt)) return undefined
  // The editor counts its two-line prompt as one, and so wraps early.
  return rows
    .slice(row, cursor.row + 1)
    .join('')
    .slice(3)
    .trimEnd()
}

/** Whether the cursor stands after a fresh prompt of u-root's shell. */
export function atShell({ rows, cursor }: ScreenView): boolean {
  return rows[cursor.row]?.trimEnd() === '$' && cursor.column === 2
}

/**
 * Types a line at a prompt of the menu and ends it; `pressing` is told the moment before that, nanoseconds. Returns the
 * console position from which the answer comes. Throws LabError where the prompt can't be seen, or not what was typed.
 */
export async function enterLine(
  ui: Ui,
  prompt: Prompt,
  text: string,
  pressing?: (atNs: bigint) => void,
): Promise<number> {
  await showPrompt(ui, prompt)
  await typeUntilShown(ui, text, (view) => {
    const input = inputAt(view, prompt)
    return input !== undefined && squeeze(input) === squeeze(text)
  })
  const from = ui.console.position
  pressing?.(systemClock.nowNs())
  await ui.screen.press('Enter')
  return (await leavePrompt(ui, prompt, text)) ?? from
}

/** How a command is typed: `plain` is a shell without a line editor, which takes Ctrl-L for a part of the command. */
export type CommandOptions = { plain?: boolean; pressing?: (atNs: bigint) => void }

/**
 * Types a command into u-root's shell, whose prompt is there, and ends it; otherwise as `enterLine`. Throws LabError
 * where the screen does not show what was typed.
 */
export async function enterCommand(
  ui: Ui,
  command: string,
  { plain = false, pressing }: CommandOptions = {},
): Promise<number> {
  const still = ({ rows, cursor }: ScreenView) => rows[cursor.row]?.trimEnd() === `$ ${command}`
  await typeUntilShown(ui, command, still, plain ? [] : ['Ctrl-L'])
  const from = ui.console.position
  pressing?.(systemClock.nowNs())
  await ui.screen.press('Enter')
  if (plain || (await appears(ui, (view) => !still(view) || view.cursor.column === 0))) return from
  return (await pressAgain(ui, still)) ?? from
}

/** The prompt with nothing typed; Ctrl-L draws a damaged one again, and does no harm anywhere. */
async function showPrompt(ui: Ui, prompt: Prompt): Promise<void> {
  for (let attempt = 1; ; attempt++)
    try {
      await ui.screen.expect((view) => inputAt(view, prompt) === '', limits(ui, `prompt "${prompt}"`))
      return
    } catch (error) {
      if (!(error instanceof ScreenTimeout)) throw error
      if (attempt === attempts) throw unreadable(ui, `u-root's prompt "… ${prompt} …"`, error)
      await ui.screen.press('Ctrl-U', 'Ctrl-L')
    }
}

async function typeUntilShown(
  ui: Ui,
  text: string,
  shown: (view: ScreenView) => boolean,
  redraw: readonly KeyName[] = ['Ctrl-L'],
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await ui.screen.press({ text })
    try {
      await ui.screen.expect(shown, limits(ui, `echo of ${JSON.stringify(text)}`))
      return
    } catch (error) {
      if (!(error instanceof ScreenTimeout)) throw error
      if (attempt === attempts) throw unreadable(ui, `${JSON.stringify(text)}, which was typed`, error)
      // What was typed may have arrived whole, and only its echo not: redrawn, it is seen.
      await ui.screen.press(...redraw)
      if (redraw.length > 0 && (await appears(ui, shown))) return
      await ui.screen.press('Ctrl-U', ...redraw)
    }
  }
}

/**
 * Waits until the line is gone. Where it is still there, its end was lost: only then may it be pressed again, or the
 * default is booted. Returns where the answer begins if it was.
 */
async function leavePrompt(ui: Ui, prompt: Prompt, text: string): Promise<number | undefined> {
  const still = (view: ScreenView) => squeeze(inputAt(view, prompt) ?? '') === squeeze(text)
  if (await appears(ui, (view) => !still(view) || view.cursor.column === 0)) return
  return await pressAgain(ui, still)
}

/** Ends a line once more if it is there when it is drawn again. */
async function pressAgain(ui: Ui, still: (view: ScreenView) => boolean): Promise<number | undefined> {
  ui.screen.clear()
  await ui.screen.press('Ctrl-L')
  if (!(await appears(ui, still))) return
  const from = ui.console.position
  await ui.screen.press('Enter')
  return from
}

async function appears(ui: Ui, shown: (view: ScreenView) => boolean): Promise<boolean> {
  try {
    await ui.screen.expect(shown, limits(ui, 'answer'))
    return true
  } catch (error) {
    if (!(error instanceof ScreenTimeout)) throw error
    return false
  }
}

function limits({ timeoutMs, signal }: Ui, what: string) {
  return { timeoutMs: Math.min(timeoutMs, echoLimitMs), signal, what }
}

/** Wrapped lines lose their ends: only what can be seen counts. */
function squeeze(text: string): string {
  return text.replace(/\s+/g, '')
}

function unreadable(ui: Ui, expected: string, cause: ScreenTimeout): LabError {
  return new LabError(
    `${expected} does not appear on the console (${attempts} attempts); the screen shows:\n${ui.screen.text || '(nothing)'}`,
    { hint: 'Check the console: bytes are lost, or another program reads or writes it.', cause },
  )
}
