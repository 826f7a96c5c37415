/** A bootloader that the harness does not know, driven as its descriptor says: expect, send, press, menu. */

import { type MenuLoaderChoice, methodOf } from '../board/loader-types.ts'
import { anyOf, literal } from '../board/stage/any-of.ts'
import { ConsoleTimeout } from '../console/console.ts'
import { withoutKernelMessages } from '../console/kernel-lines.ts'
import { ScreenTimeout } from '../console/screen.ts'
import { foreverMs } from '../deadline.ts'
import { BoardError, LabError } from '../errors.ts'
import { Dialogue } from './dialogue-steps.ts'
import type { BootWatch, Menu, MenuLoader, Refusal, Ui } from './menu-loader.ts'

/** What a descriptor says of such a bootloader. */
export type DialogueChoice = Extract<MenuLoaderChoice, { type: 'dialogue' }>

/** How long its prompt or menu may take to be back after a refusal. */
const backMs = 10_000

/** Opens the bootloader that a descriptor describes. */
export function dialogue(choice: DialogueChoice): MenuLoader {
  const { menu, hold } = choice
  return {
    ui: 'menu',
    name: choice.name,
    method: methodOf(choice),
    configs: choice.configs,
    canEdit: choice.edited !== undefined,

    async arrive(ui, { from, holdCountdown }) {
      const dialogue = new Dialogue(ui, choice, from)
      // After a refusal it stands there, and what was printed before counts: nothing of it is printed again.
      if (dialogue.isReady()) return await dialogue.wholeMenu(0)
      await dialogue.run(choice.arrive)
      if (!holdCountdown) {
        await dialogue.ready('never')
        return dialogue.menu(from)
      }
      await dialogue.ready('late')
      await dialogue.run(hold)
      await dialogue.ready('at once')
      return await dialogue.wholeMenu(from)
    },

    async boot(ui, wanted, watch) {
      const dialogue = new Dialogue(ui, choice, ui.console.position)
      if (wanted.by === 'time-out') await timeOver(ui, choice, dialogue, watch)
      else await told(ui, choice, () => chosen(dialogue, choice, wanted, watch))
      return await refusal(ui, choice, dialogue, watch)
    },

    ...(menu && menu.again.length > 0 ? { rescan: (ui: Ui) => rescan(ui, choice) } : {}),
  }
}

async function rescan(ui: Ui, choice: DialogueChoice): Promise<Menu> {
  const dialogue = new Dialogue(ui, choice, ui.console.position)
  return await dialogue.rescan()
}

/** Chooses an entry by its label. Throws BoardError where there is none, or no way to edit it. */
async function chosen(
  dialogue: Dialogue,
  { name, boot, edited }: DialogueChoice,
  { label, edit }: { label: string; edit?: string },
  watch: BootWatch,
): Promise<void> {
  if (edit !== undefined && edited === undefined)
    throw new BoardError(`${name} was not told how to add words to an entry's command line`, {
      hint: "Give its loader in the board's descriptor the steps for it: edited.",
    })
  const { number } = await dialogue.find(label)
  const words = { label, number, edit: edit ?? '' }
  await dialogue.run(edit === undefined ? boot : edited!, words, watch.chosen)
}

async function timeOver(
  ui: Ui,
  { timeOver: said }: DialogueChoice,
  dialogue: Dialogue,
  watch: BootWatch,
): Promise<void> {
  if (said === undefined) return
  const over = await ui.console.expect(said, {
    ...{ from: dialogue.position, signal: ui.signal, timeoutMs: foreverMs },
    what: 'end of the countdown',
  })
  dialogue.position = over.end
  watch.chosen(over.atNs)
}

/** Waits for its words of refusal, and tells on the way that it executes. Throws the signal's reason. */
async function refusal(
  ui: Ui,
  { refused, executing }: DialogueChoice,
  dialogue: Dialogue,
  watch: BootWatch,
): Promise<Refusal> {
  const from = dialogue.position
  const words = Object.fromEntries(refused.map((text, index) => [`refused ${index}`, text]))
  // Its whole line.
  const executes =
    executing === undefined ? undefined : new RegExp(`${literal(executing).source}[^\\r\\n]*(?=[\\r\\n])`)
  const options = { signal: ui.signal, timeoutMs: foreverMs, what: 'refusal' }
  let said = await ui.console.expect(anyOf({ ...words, executes }), { ...options, from })
  if (said.groups[0] === 'executes') {
    watch.executing(said.atNs, said.text)
    said = await ui.console.expect(anyOf(words), { ...options, from: said.end })
  }
  // Its line may not have come to its end yet.
  await ui.console.expect('\n', { ...options, timeoutMs: backMs, from: said.end }).catch(unlessTimeout)
  const message = messageOf(ui.console.since(from), refused)
  dialogue.position = said.end
  return { message, usable: await dialogue.isBackWithin(backMs) }
}

/** All that it said, with the line first that refuses. */
function messageOf(text: string, refused: readonly string[]): string {
  const lines = withoutKernelMessages(text)
    .text.split(/\r*\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
  const at = lines.findIndex((line) => refused.some((words) => line.includes(words)))
  return [lines[at]!, ...lines.slice(0, at)].join('\n')
}

/** What a step misses in the course of a choice is told as the console's trouble, with what the screen shows. */
async function told<T>(ui: Ui, { name }: DialogueChoice, choose: () => Promise<T>): Promise<T> {
  try {
    return await choose()
  } catch (error) {
    if (error instanceof ScreenTimeout) throw new LabError(`${name}: ${error.message}`, { cause: error })
    if (!(error instanceof ConsoleTimeout)) throw error
    const shown = `the screen shows:\n${ui.screen.text || '(nothing)'}`
    throw new LabError(`${name}: ${error.message}; ${shown}`, { cause: error })
  }
}

function unlessTimeout(error: unknown): void {
  if (!(error instanceof ConsoleTimeout)) throw error
}
