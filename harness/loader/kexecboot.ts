/**
 * kexecboot's text menu. It reads the machine's keyboard and not the serial console, on which it shows its menu and its
 * log; or it boots its first entry when the time is over that it was compiled with (src/evdevs.c, src/kexecboot.c of 0.6).
 */

import type { MenuLoaderChoice } from '../board/loader-types.ts'
import { systemClock } from '../clock.ts'
import { ConsoleTimeout } from '../console/console.ts'
import { foreverMs } from '../deadline.ts'
import { BoardError } from '../errors.ts'
import { KexecbootKeys } from './kexecboot-keys.ts'
import { gaveUp, isInit, refusalOf } from './kexecboot-menu.ts'
import { beforeCountdownEnds } from './menu-countdown.ts'
import type { BootWatch, MenuLoader, Refusal, Ui } from './menu-loader.ts'

type KexecbootChoice = Extract<MenuLoaderChoice, { type: 'kexecboot' }>

const noKeyboard = 'kexecboot takes no keys from its console, and this board has no other keyboard'
/** Nobody lets a bootloader wait longer before it boots by itself. */
const longestTimeOutMs = 120_000

export function kexecboot({ timeout }: Pick<KexecbootChoice, 'timeout'>): MenuLoader {
  return {
    ui: 'menu',
    name: 'kexecboot',
    // start_kernel(): `kexec -d -l`, then `kexec -e`; options for the rest are compiled in.
    method: { syscall: 'kexec_load', checks: true, ifdown: true },
    configs: ['kexecboot'],
    canEdit: false,
    cannotChoose: ({ sendKey }) => (sendKey ? undefined : noKeyboard),

    async arrive(ui, { holdCountdown }) {
      await new KexecbootKeys(ui).reach()
      if (!holdCountdown || !ui.sendKey) return await new KexecbootKeys(ui).arrive(true)
      const from = ui.console.position
      const what = 'its menu was read and its time-out held'
      return await beforeCountdownEnds(ui, { loader: 'kexecboot', from, what }, async (held) => {
        const keys = new KexecbootKeys(held)
        const menu = await keys.arrive(false)
        await keys.hold()
        return menu
      })
    },

    async boot(ui, choice, watch) {
      const from = ui.console.position
      if (choice.by === 'time-out') await timeOver(ui, timeout, watch)
      else await choose(ui, choice, watch)
      return await refusal(ui, from)
    },

    async rescan(ui) {
      if (!ui.sendKey) throw new BoardError(noKeyboard)
      const keys = new KexecbootKeys(ui)
      await keys.leaveHold()
      const menu = await keys.rescan()
      await keys.hold()
      return menu
    },
  }
}

/** Throws BoardError where there is no such entry or no keyboard, LabError where the menu can't be read. */
async function choose(
  ui: Ui,
  { label, edit }: { label: string; edit?: string },
  watch: BootWatch,
): Promise<void> {
  if (edit !== undefined) throw new BoardError("kexecboot can't change an entry's command line")
  if (!ui.sendKey)
    throw new BoardError(noKeyboard, {
      hint: 'Boot its default by its time-out; on a QEMU board keys work.',
    })
  const keys = new KexecbootKeys(ui)
  await keys.leaveHold()
  await keys.moveTo(label)
  await keys.enter(() => watch.chosen(systemClock.nowNs()))
}

/** Throws BoardError where its time-out does not come: it may be compiled without one. */
async function timeOver(ui: Ui, timeout: number | undefined, watch: BootWatch): Promise<void> {
  const patienceMs = timeout === undefined ? longestTimeOutMs : (2 * timeout + 30) * 1000
  const timeoutMs = Math.min(patienceMs, 0.9 * ui.timeoutMs)
  const options = {
    from: ui.console.position,
    signal: ui.signal,
    timeoutMs,
    what: "end of kexecboot's time-out",
  }
  try {
    watch.chosen((await ui.console.expect('Timeout reached!', options)).atNs)
    ui.screen.clear()
  } catch (error) {
    if (!(error instanceof ConsoleTimeout)) throw error
    throw new BoardError(`kexecboot did not boot by itself: ${error.message}`, {
      hint: 'It has a time-out only where it was compiled with one; on a QEMU board, boot its entries by their labels.',
      cause: error,
    })
  }
}

/** Waits until it gives up. It ends then: whoever started it starts it again, but a kernel without its init panics. */
async function refusal(ui: Ui, from: number): Promise<Refusal> {
  const { console, signal } = ui
  const said = await console.expect(gaveUp, { from, signal, timeoutMs: foreverMs, what: 'refusal' })
  const text = console.since(from).slice(0, said.end - from)
  return { message: refusalOf(text), usable: !isInit(console.since(0)) }
}
