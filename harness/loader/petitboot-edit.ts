/** petitboot's editor of an entry (ui/ncurses/nc-boot-editor.c): words added to its kernel arguments. */
import type { Ui } from './menu-loader.ts'
import { appears, unreadable } from './petitboot-keys.ts'
import { readEditor, readMainMenu } from './petitboot-screen.ts'

const attempts = 3
/** Fields from the device to the arguments, with some to spare. */
const mostTabs = 20
/** A field shows the end of what is longer than it. */
const pieceLength = 16

/**
 * Adds words to the arguments of the entry with the cursor, which keeps them until devices are scanned again.
 * Throws LabError where what was typed does not appear.
 */
export async function appendArguments(ui: Ui, words: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await ui.screen.press({ text: 'e' })
    const opened = await appears(ui, readEditor, 'editor', { settledMs: 300 })
    if (opened && (await focusArguments(ui)) && (await typeAtEnd(ui, ` ${words}`))) return await accept(ui)
    if (attempt === attempts) throw unreadable(ui, `${JSON.stringify(words)} in petitboot's editor`)
    await cancel(ui)
  }
}

/** Tab leads from field to field; the terminal's cursor shows which one it is in, at the end of its text. */
async function focusArguments(ui: Ui): Promise<boolean> {
  for (let tabs = 0; tabs < mostTabs; tabs++) {
    const { cursor } = ui.screen.view
    if (readEditor(ui.screen.view)?.row === cursor.row) return true
    await ui.screen.press('Tab')
    const moved = ({ cursor: now }: typeof ui.screen.view) =>
      now.row !== cursor.row || now.column !== cursor.column
    await appears(ui, moved, 'next field', { timeoutMs: 2_000, settledMs: 100 })
  }
  return false
}

async function typeAtEnd(ui: Ui, text: string): Promise<boolean> {
  for (let start = 0; start < text.length; start += pieceLength) {
    const piece = text.slice(start, start + pieceLength)
    await ui.screen.press({ text: piece })
    const echoed = await appears(
      ui,
      (view) => {
        const shown = readEditor(view)
        // A blank at its end is not to be seen.
        return (
          shown !== undefined &&
          view.cursor.row === shown.row &&
          shown.kernelArguments.endsWith(piece.trimEnd())
        )
      },
      'echo',
      { settledMs: 100 },
    )
    if (!echoed) return false
  }
  return true
}

async function accept(ui: Ui): Promise<void> {
  await ui.screen.press('Tab')
  const onOk = await appears(ui, (view) => readEditor(view)?.okRow === view.cursor.row, 'OK', {
    settledMs: 100,
  })
  if (!onOk) throw unreadable(ui, "the cursor on OK of petitboot's editor")
  await ui.screen.press('Enter')
  if (!(await appears(ui, (view) => readMainMenu(view) !== undefined, 'menu', { settledMs: 300 })))
    throw unreadable(ui, "petitboot's menu after its editor")
}

/** Escape stands alone here: it leaves the editor, and in the menu it would leave that. */
async function cancel(ui: Ui): Promise<void> {
  if (!readEditor(ui.screen.view)) return
  await ui.screen.press('Escape')
  await appears(ui, (view) => readMainMenu(view) !== undefined, 'menu', { settledMs: 1_500 })
}
