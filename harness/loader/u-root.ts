/** u-root's (LinuxBoot's) menu: `boot`, or `pxeboot` with the same menu; pkg/boot/menu of its sources. */
import type { Console } from '../console/console.ts'
import { BoardError } from '../errors.ts'
import type { Menu, MenuLoader, Ui } from './menu-loader.ts'
import {
  enterMenuShell,
  isAtMenu,
  menuOf,
  plainShell,
  printAgain,
  reachMenuOrShell,
  readShown,
  readWhole,
  ShownMenus,
  startMenu,
} from './u-root-arrival.ts'
import { appendToCommandLine } from './u-root-edit.ts'
import { uRootLocalboot } from './u-root-localboot.ts'
import { bootEntries } from './u-root-menu.ts'
import { awaitRefusal, awaitTimeOut, mustHaveFileLoad } from './u-root-refusal.ts'
import { enterLine, prompts } from './u-root-typing.ts'

/** What its `boot` reads, each by a parser of its own (pkg/boot/localboot of its sources); `blscfg` it lists twice. */
const bootConfigs = { configs: ['grub'], otherConfigs: ['bls', 'extlinux', 'syslinux'] } as const
const pxeConfigs = { configs: [], entriesFrom: 'tftp' } as const

/** Which of its commands finds and boots entries. */
export type URootCommand = 'boot' | 'pxeboot' | 'localboot'

/** Drives one of u-root's commands, from the shell that it comes up with or in an image that starts it by itself. */
export function uRoot({ command = 'boot' }: { command?: URootCommand } = {}): MenuLoader {
  return command === 'localboot' ? uRootLocalboot() : uRootMenu(command)
}

function uRootMenu(command: Exclude<URootCommand, 'localboot'>): MenuLoader {
  const shown = new ShownMenus()
  /** Consoles of machines on which u-root can load nothing any more. */
  const full = new WeakSet<Console>()
  const start = async (ui: Ui): Promise<Menu> => {
    await startMenu(ui, command, shown, { hold: true, plain: true })
    return menuOf(await readWhole(ui, command, shown), shown.text(ui))
  }
  return {
    ui: 'menu',
    name: 'u-root',
    // LinuxImage.Load of its sources: kexec_file_load, where nothing asks for the other.
    method: { syscall: 'kexec_file_load', checks: true, ifdown: false },
    ...(command === 'boot' ? bootConfigs : pxeConfigs),
    canEdit: true,

    async arrive(ui, { from, holdCountdown }) {
      // After a refusal it is there already.
      if (!(await isAtMenu(ui, shown))) shown.mark(ui, from)
      else if (full.has(ui.console)) throw tmpIsFull()
      full.delete(ui.console)
      if ((await reachMenuOrShell(ui, shown, { hold: holdCountdown })) === 'shell')
        await startMenu(ui, command, shown, { hold: holdCountdown })
      if (!holdCountdown) return menuOf(await readShown(ui, shown), shown.text(ui))
      return menuOf(await readWhole(ui, command, shown), shown.text(ui))
    },

    async boot(ui, choice, watch) {
      if (choice.by === 'time-out') {
        const refusal = await awaitTimeOut(ui, shown.from(ui), watch)
        mustHaveFileLoad(refusal)
        return refusal
      }
      const number = await numberOf(ui, choice.label, command, shown)
      if (choice.edit !== undefined) await appendToCommandLine(ui, number, choice.edit)
      const from = await enterLine(ui, prompts.menu, String(number), watch.chosen)
      const refusal = await awaitRefusal(ui, from)
      shown.mark(ui, from)
      mustHaveFileLoad(refusal)
      if (!refusal.usable) full.add(ui.console)
      return refusal
    },

    shell: {
      async enter(ui) {
        await enterMenuShell(ui, shown)
        return await plainShell(ui)
      },
      // Not with `exit`: the menu's shell took the terminal, and its end hangs up that of init, which ends, too.
      leave: start,
    },
  }
}

/** The number of the entry with that label. Throws BoardError where the menu has none, LabError where it can't be read. */
async function numberOf(ui: Ui, label: string, command: string, shown: ShownMenus): Promise<number> {
  const find = async () =>
    bootEntries(await readWhole(ui, command, shown)).find((entry) => entry.label === label)
  const found = await find()
  if (found) return found.number
  // A byte of the label may have been lost.
  await printAgain(ui, command, shown)
  const number = (await find())?.number
  if (number !== undefined) return number
  const labels = bootEntries(await readWhole(ui, command, shown)).map((entry) => JSON.stringify(entry.label))
  throw new BoardError(
    `u-root's menu has no entry ${JSON.stringify(label)}; it has ${labels.join(', ') || 'none that boots'}`,
  )
}

function tmpIsFull(): BoardError {
  return new BoardError(
    "u-root's /tmp is full: what it copied of a kernel that is too large stays there, and nothing else can be loaded",
    { hint: 'Only `rm /tmp/kexec-image*` in its shell, or a reset, makes it usable again.' },
  )
}
