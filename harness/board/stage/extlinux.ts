/** The menu of an extlinux.conf, as U-Boot's sysboot and PXE show it, or the `boot:` prompt of syslinux. */
import { z } from 'zod'
import { BoardError } from '../../errors.ts'
import { oneLine } from '../../values.ts'
import { anyOf } from './any-of.ts'
import { kernelStarted } from './firmware-prompt.ts'
import type { RunStage } from './stage.ts'
import { stageKeys, startLimit } from './stage-keys.ts'

export const extlinuxStageSchema = z
  .strictObject({
    type: z.literal('extlinux'),
    ...stageKeys,
    prompt: oneLine
      .default('Enter choice: ')
      .meta({ description: 'What asks for the choice, as plain text; `boot: ` for syslinux.' }),
    entry: oneLine.meta({ description: "The entry's label as the menu shows it." }),
  })
  .meta({ description: 'The menu of an extlinux.conf.' })
type ExtlinuxStage = z.infer<typeof extlinuxStageSchema>

/** `1:\tService Linux`, as menu_interactive_choice() of U-Boot's common/menu.c and cmd/pxe_utils.c print it. */
const item = /^(\d+):\s+(.*\S)/gm
/** cmd/pxe_utils.c and include/config_distro_bootcmd.h of U-Boot; Syslinux's core. */
const failed =
  /EXTLINUX FAILED|Skipping \S+ for failure|not found\.|Invalid choice|Could not find kernel image|No such file/

/** Chooses an entry; returns the position where a kernel was started. Throws BoardError, ConsoleTimeout. */
export const runExtlinux: RunStage<ExtlinuxStage> = async (stage, context) => {
  const { console, from, signal } = context
  const { prompt, entry, name = 'extlinux menu' } = stage
  const left = startLimit(stage.limit, context)
  const asked = await console.expect(anyOf({ prompt, started: kernelStarted }), {
    ...{ from, signal, timeoutMs: left() },
    what: `prompt ${JSON.stringify(prompt)} of the ${name}`,
  })
  if (asked.groups[0] === 'started') throw new BoardError(`a kernel was started before the ${name} came`)
  const menu = console.since(from).slice(0, asked.end - from)
  await console.write(`${choiceOf(menu, entry, name)}\r`)
  const outcome = await console.expect(anyOf({ failed, started: kernelStarted }), {
    ...{ from: asked.end, signal, timeoutMs: left() },
    what: `start of ${JSON.stringify(entry)} by the ${name}`,
  })
  if (outcome.groups[0] === 'started') return outcome.end
  const said = console.since(asked.end).slice(0, outcome.end - asked.end)
  throw new BoardError(
    `the ${name} could not start ${JSON.stringify(entry)}: ${JSON.stringify(said.replace(/\s+/g, ' ').trim().slice(-300))}`,
  )
}

/** What to type: the entry's number where the menu has numbers, else its label. */
function choiceOf(menu: string, entry: string, name: string): string {
  const items = [...menu.replaceAll('\r', '').matchAll(item)].map(
    ([, number, title]) => [number!, title!] as const,
  )
  if (items.length === 0) return entry
  const found = items.find(([, title]) => title === entry)
  if (found) return found[0]
  throw new BoardError(
    `the ${name} has no entry ${JSON.stringify(entry)}; it has ${items.map(([, title]) => JSON.stringify(title)).join(', ')}`,
  )
}
