/** petitboot's editor of an entry (ui/ncurses/nc-boot-editor.c): words added to its kernel arguments. */
import type { ScreenView } from '../console/screen.ts'
import type { Ui } from './menu-loader.ts'
import { appears, unreadable } from './petitboot-keys.ts'
import { type Editor, readEditor, readMainMenu } from './petitboot-screen.ts'

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

/** The terminal's cursor shows which field it is in, at the end of its text. */
async function focusArguments(ui: Ui): Promise<boolean> {
  return await tabTo(ui, ({ row }, cursor) => cursor.row === row)
}

/** Tab leads from field to field, and from the last one to the first. False where it leads nowhere. */
async function tabTo(
  ui: Ui,
  there: (editor: Editor, cursor: ScreenView['cursor']) => boolean,
): Promise<boolean> {
  for (let tabs = 0; tabs < mostTabs; tabs++) {
    const { cursor } = ui.screen.view
    const editor = readEditor(ui.screen.view)
    if (!editor) return false
    if (there(editor, cursor)) return true
    await ui.screen.press('Tab')
    const moved = ({ cursor: now }: ScreenView) => now.row !== cursor.row || now.column !== cursor.column
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
  if (!(await tabTo(ui, ({ okRow }, cursor) => cursor.row === okRow)))
    throw unreadable(ui, "the cursor on OK of petitboot's editor")
  await leave(ui)
}

/** Not with `x`, which a field takes for text, and the field eats Escape, too. */
async function cancel(ui: Ui): Promise<void> {
  if (!readEditor(ui.screen.view)) return
  await tabTo(ui, ({ okRow, cancelColumn }, { row, column }) => row === okRow && column >= cancelColumn)
  await leave(ui)
}

async function leave(ui: Ui): Promise<void> {
  await ui.screen.press('Enter')
  if (!(await appears(ui, (view) => readMainMenu(view) !== undefined, 'menu', { settledMs: 300 })))
    throw unreadable(ui, "petitboot's menu after its editor")
}
