/** The editor of kernel command lines in u-root's menu: `e`, the entry's number, `a`, what is added. */
import { LabError } from '../errors.ts'
import type { Ui } from './menu-loader.ts'
import { readCommandLines } from './u-root-menu.ts'
import { enterLine, inputAt, type Prompt, prompts } from './u-root-typing.ts'

/**
 * Adds words to the command line of an entry, and sees to it that u-root has it so: it shows the line before and
 * after. Throws LabError where what it shows is not what was typed.
 */
export async function appendToCommandLine(ui: Ui, number: number, words: string): Promise<void> {
  const [before, after] = await visit(ui, number, [
    [prompts.change, 'a'],
    [prompts.append, words],
  ])
  if (before !== undefined && after === `${before} ${words}`) return
  // One of the two may have been damaged on its way: leaving the editor at once shows the line twice.
  const [again, same] = await visit(ui, number, [[prompts.change, 'r']])
  const agreed = [before === undefined ? undefined : `${before} ${words}`, after, same].includes(again)
  if (again?.endsWith(` ${words}`) && agreed) return
  throw new LabError(
    `u-root's editor does not show the command line that was typed: ${JSON.stringify(words)} was added to ${JSON.stringify(before ?? null)}, and it shows ${JSON.stringify(again ?? after ?? null)}`,
    { hint: 'Check the console: bytes are lost, or another program reads or writes it.' },
  )
}

/** Goes through the editor and back to the menu; returns the command lines that it showed. */
async function visit(ui: Ui, number: number, answers: readonly [Prompt, string][]): Promise<string[]> {
  const from = ui.console.position
  await enterLine(ui, prompts.menu, 'e')
  await enterLine(ui, prompts.edit, String(number))
  for (const [prompt, text] of answers) await enterLine(ui, prompt, text)
  await ui.screen.expect((view) => inputAt(view, prompts.menu) === '', {
    ...{ timeoutMs: ui.timeoutMs, signal: ui.signal },
    what: "u-root's menu after its editor",
  })
  return readCommandLines(ui.console.since(from))
}
