/** What becomes of a boot that petitboot began: its status line, its refusals whole, and how it reboots. */
import { ConsoleTimeout } from '../console/console.ts'
import { ScreenTimeout, type ScreenView } from '../console/screen.ts'
import { HarnessError } from '../errors.ts'
import type { BootWatch, Refusal, Ui } from './menu-loader.ts'
import { appears, drawUntil } from './petitboot-keys.ts'
import { readRefusal } from './petitboot-log.ts'
import { boots, isShown, readSaid, readStatus, rebootStatus } from './petitboot-screen.ts'
import { enterShell, exitShell } from './petitboot-shell.ts'

/** A status line that stands still for so long and can't be read is asked to be drawn again. */
const stillMs = 15_000
const redrawsAtMost = 3
/** What a status line takes to be drawn, and how long one is waited for. */
const statusSettledMs = 500
const statusLimitMs = 5_000
/** What init says, it says at once. */
const initMs = 1_500

/**
 * What init and petitboot's own script say of `shutdown -r now` (busybox's init/init.c, utils/pb-console, sysvinit's
 * shutdown.c, systemd's src/shutdown). `kexec -e` says nothing.
 */
const shutdownSays =
  /The system is going down[^\r\n]*|SIGTERM received, booting[^\r\n]*|Sent SIGTERM to all processes|Rebooting with kexec[^\r\n]*/
/** The status line is changed, not written anew: `Performing kexec load` and four backspaces. */
const rebootSaid = /Performing kexec (?:load[\s\b]*)?reboot/

/** Waits for a refusal; ends with the signal's reason when the new kernel is there. Throws as the console does. */
export async function awaitRefusal(ui: Ui, from: number, watch: BootWatch): Promise<Refusal> {
  try {
    const status = await followStatus(ui, ['executing', 'refused'])
    if (boots(status) === 'refused') return await refusal(ui, status)
    await find(ui, shutdownSays, from, initMs)
  } finally {
    await tellReboot(ui, from, watch)
  }
  return await refusal(ui, await followStatus(ui, ['refused']))
}

/** Waits until the status line says one of these. */
async function followStatus(ui: Ui, kinds: readonly string[]): Promise<string> {
  const said = (view: ScreenView) => {
    const status = readSaid(view)
    return status !== undefined && kinds.includes(status.kind) && status.text
  }
  for (let left = redrawsAtMost; ; )
    try {
      // Its own limits are the session's, which ends it by the signal.
      return await ui.screen.expect(said, { timeoutMs: stillMs, signal: ui.signal, what: 'refusal' })
    } catch (error) {
      if (!(error instanceof ScreenTimeout)) throw error
      // A new kernel that says nothing yet draws no menu.
      if (left === 0 || !isShown(ui.screen.view) || readSaid(ui.screen.view)) continue
      left--
      await drawUntil(
        ui,
        2,
        (drawings) => drawings.some(({ status }) => status && boots(status)) || undefined,
      )
    }
}

/**
 * Tells that it executes, if it said so, and by which of `shutdown -r now` and `kexec -e` (kexec_reboot() of
 * discover/boot.c). A quick new kernel may be there before the screen was read: what was said is in the text.
 */
async function tellReboot({ console }: Ui, from: number, watch: BootWatch): Promise<void> {
  const text = console.since(from)
  const said = rebootSaid.exec(text)
  if (!said) return
  const words = shutdownSays.exec(text.slice(said.index))?.[0]
  const { atNs } = await console.expect(rebootSaid, { from, timeoutMs: 1_000, what: rebootStatus })
  watch.executing(
    atNs,
    `${rebootStatus}: ${words === undefined ? 'kexec -e' : `shutdown -r now, "${words}"`}`,
  )
}

async function find({ console, signal }: Ui, pattern: RegExp, from: number, timeoutMs: number) {
  try {
    return await console.expect(pattern, { from, timeoutMs, signal, what: String(pattern) })
  } catch (error) {
    if (error instanceof ConsoleTimeout) return undefined
    throw error
  }
}

/** The status line is cut at the screen's end; the log has all of it and more, where there is a shell to read it with. */
async function refusal(ui: Ui, seen: string): Promise<Refusal> {
  const status = await wholeStatus(ui, seen)
  try {
    const shell = await enterShell(ui)
    const message = await readRefusal(shell, status, ui)
    await exitShell(ui)
    return { message, usable: true }
  } catch (error) {
    if (ui.signal.aborted || !(error instanceof HarnessError)) throw error
    return { message: status, usable: (await appears(ui, readStatus, 'menu')) !== undefined }
  }
}

/** A status line is drawn over the one before it: half drawn, it has words of both. */
async function wholeStatus({ screen, signal }: Ui, seen: string): Promise<string> {
  try {
    return await screen.expect(
      (view) => {
        const status = readSaid(view)
        return status?.kind === 'refused' && status.text
      },
      { timeoutMs: statusLimitMs, signal, what: 'whole status line', settledMs: statusSettledMs },
    )
  } catch (error) {
    if (error instanceof ScreenTimeout) return seen
    throw error
  }
}
