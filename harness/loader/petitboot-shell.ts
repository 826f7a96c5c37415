/** Out of petitboot's menu into its shell, and back. */
import type { ScreenView } from '../console/screen.ts'
import { Shell } from '../console/shell.ts'
import { BoardError } from '../errors.ts'
import type { Ui } from './menu-loader.ts'
import { answerMs, appears, redraw, unreadable } from './petitboot-keys.ts'
import { atPrompt, isShown, type MainMenu } from './petitboot-screen.ts'

const attempts = 3

/**
 * The shell that `x` runs. Throws BoardError where this petitboot has none: locked down, its last line is `Reboot`, and
 * `x` does that (nc-cui.c, main_menu_init()). Throws LabError where no prompt comes.
 */
export async function enterShell(ui: Ui): Promise<Shell> {
  for (let attempt = 1; ; attempt++) {
    const menu = await redraw(ui)
    if (menu.items.some(({ label, text }) => label === null && text === 'Reboot'))
      throw new BoardError('petitboot is locked down: it has no shell', {
        hint: 'Remove /etc/pb-lockdown from its image, or do without its shell.',
      })
    await ui.screen.press({ text: 'x' })
    // A probe that the menu gets would boot what is selected: only a prompt is typed at.
    if (await appears(ui, atPrompt, 'prompt', { settledMs: 500 })) break
    if (attempt === attempts) throw unreadable(ui, "the prompt of petitboot's shell")
  }
  const shell = new Shell(ui.console)
  await shell.synchronise(Math.min(ui.timeoutMs, 3 * answerMs), ui.signal)
  return shell
}

/** Back into the menu, which is drawn again. Throws LabError where it isn't, or can't be read. */
export async function leaveShell(ui: Ui): Promise<MainMenu> {
  await exitShell(ui)
  return await redraw(ui)
}

/** `exit`, until the menu is there; where it does not come, whoever looks at it next is told. */
export async function exitShell(ui: Ui): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    await ui.screen.press({ text: 'exit' }, 'Enter')
    const isBack = (view: ScreenView) => !atPrompt(view) && isShown(view)
    if ((await appears(ui, isBack, 'menu', { settledMs: 300 })) || !atPrompt(ui.screen.view)) return
  }
}
