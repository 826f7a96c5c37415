/** u-root's `localboot -grub` (cmds/exp/localboot): no menu, but numbered entries, and the first that boots by itself. */

import type { Console } from '../console/console.ts'
import { foreverMs } from '../deadline.ts'
import { BoardError } from '../errors.ts'
import type { BootWatch, Menu, MenuLoader, Refusal, Ui } from './menu-loader.ts'
import {
  awaitShell,
  enterMenuShell,
  isAtMenu,
  plainShell,
  reachMenuOrShell,
  ShownMenus,
} from './u-root-arrival.ts'
import { type LocalEntry, readFailures, readLocalEntries } from './u-root-menu.ts'
import { mustHaveFileLoad } from './u-root-refusal.ts'
import { enterCommand } from './u-root-typing.ts'

const listCommand = 'localboot -grub -dryrun'

/** Drives `localboot -grub`, which lists the entries of grub.cfg and boots one by its number. */
export function uRootLocalboot(): MenuLoader {
  const shown = new ShownMenus()
  const lists = new WeakMap<Console, readonly LocalEntry[]>()
  const list = async (ui: Ui, plain = false): Promise<Menu> => {
    const from = ui.console.position
    await enterCommand(ui, listCommand, { plain })
    await awaitShell(ui, `entries of \`${listCommand}\``)
    const entries = readLocalEntries(ui.console.since(from))
    lists.set(ui.console, entries)
    return {
      entries: entries.map(({ label }, index) => ({ label, isDefault: index === 0 })),
      selected: entries[0]?.label ?? null,
      countdownS: null,
      status: null,
    }
  }
  return {
    ui: 'menu',
    name: 'u-root',
    method: { syscall: 'kexec_file_load', checks: true, ifdown: false },
    configs: ['grub'],
    canEdit: false,

    async arrive(ui, { from }) {
      if (!(await isAtMenu(ui, shown))) shown.mark(ui, from)
      // An image that starts `boot` by itself.
      if ((await reachMenuOrShell(ui, shown, { hold: true })) === 'menu') await enterMenuShell(ui, shown)
      return await list(ui)
    },

    async boot(ui, choice, watch) {
      if (choice.by === 'time-out') return await start(ui, 'localboot -grub', watch)
      const entries = lists.get(ui.console) ?? []
      const entry = entries.find(({ label }) => label === choice.label)
      if (entry) return await start(ui, `localboot -grub -config ${entry.number}`, watch)
      throw new BoardError(
        `u-root's localboot has no entry ${JSON.stringify(choice.label)}; it has ${entries.map(({ label }) => JSON.stringify(label)).join(', ') || 'none'}`,
      )
    },

    shell: { enter: plainShell, leave: (ui) => list(ui, true) },
  }
}

/**
 * Starts it and waits for a refusal. Without a number it goes on to the next entry where one can't be loaded, which
 * is no boot of the first: then nothing is there to go on with.
 */
async function start(ui: Ui, command: string, watch: BootWatch): Promise<Refusal> {
  const from = await enterCommand(ui, command, { pressing: watch.chosen })
  const refused = { timeoutMs: foreverMs, signal: ui.signal, from, what: 'refusal' }
  await ui.console.expect(/Failed to boot kernel [^\n]*\n|error: exit status/, refused)
  const failure = readFailures(ui.console.since(from))[0]
  const refusal = {
    message: failure?.message ?? `localboot ended without a word:\n${ui.screen.text}`,
    usable: command.includes('-config'),
  }
  mustHaveFileLoad(refusal)
  return refusal
}
