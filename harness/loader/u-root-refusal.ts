/** What comes of a choice in u-root's menu: nothing that it says where it boots, and in its words where it does not. */

import { ConsoleTimeout } from '../console/console.ts'
import { foreverMs } from '../deadline.ts'
import { UsageError } from '../errors.ts'
import type { BootWatch, Refusal, Ui } from './menu-loader.ts'
import { type Failure, readAttempts, readFailures, turn } from './u-root-menu.ts'

/** Messages and menu come through different pipes: how long one may be behind the other. */
const behindMs = 10_000

/** Waits for u-root to refuse what was chosen; the text from `from` on is its answer. Throws the signal's reason. */
export async function awaitRefusal(ui: Ui, from: number): Promise<Refusal> {
  await ui.console.expect(turn, { timeoutMs: foreverMs, signal: ui.signal, from, what: 'refusal' })
  const text = await textWhen(ui, from, (said) => backAt(said) !== undefined && readFailures(said).length > 0)
  const failure = readFailures(text).at(-1)
  if (!failure) return { message: `u-root came back without a word:\n${ui.screen.text}`, usable: true }
  return { message: failure.message, usable: !tmpIsFull(failure) }
}

/**
 * Waits for the menu's own time-out, and for a refusal of what it boots then. Where that can't be loaded u-root goes
 * on to the next entry, which is no boot of the default: that is a refusal with no menu after it.
 */
export async function awaitTimeOut(ui: Ui, from: number, watch: BootWatch): Promise<Refusal> {
  const attempt = { signal: ui.signal, what: 'end of the time-out' }
  const begun = await ui.console.expect(/Attempting to boot |Nothing to boot/, {
    ...attempt,
    timeoutMs: foreverMs,
    from,
  })
  watch.chosen(begun.atNs)
  await ui.console.expect(turn, { timeoutMs: foreverMs, signal: ui.signal, from: begun.end, what: 'refusal' })
  const over = (said: string) => readAttempts(said).length > 1 || /Nothing to boot/.test(said)
  const text = await textWhen(ui, from, (said) => over(said) && readFailures(said).length > 0)
  const [first, ...others] = readFailures(text)
  const next = readAttempts(text)[1]
  const message = first?.message ?? `u-root came back without a word:\n${ui.screen.text}`
  const after =
    next === undefined
      ? others.map((other) => other.message)
      : [`Attempting to boot LinuxImage(\n  Name: ${next}`]
  return { message: [message, ...after].join('\n'), usable: false }
}

/**
 * Throws UsageError where it was no fault of the entry's: its commands know no other system call than kexec_file_load
 * (LinuxImage.Load of its sources), and so boot nothing on a kernel without it.
 */
export function mustHaveFileLoad({ message }: Refusal): void {
  if (!/kexec_file_load\([\s\S]*= function not implemented/.test(message)) return
  throw new UsageError(
    "the kernel of this u-root has no kexec_file_load, without which its boot, pxeboot and localboot can't boot anything",
    {
      hint: "Give it a kernel with CONFIG_KEXEC_FILE, which Debian's arm64 kernels lack; or try u-root's `kexec -L` with the loader u-root-kexec.",
    },
  )
}

/** What followed a choice: the menu again, or, where the command ended, the shell. */
function backAt(said: string): 'menu' | 'shell' | undefined {
  if (/is the default(?:, 'e' to edit kernel cmdline)?\):/.test(said)) return 'menu'
  return /\n\$ *$/.test(said) ? 'shell' : undefined
}

/**
 * What it copied of a file too large for memory stays in /tmp (LinuxImage.CopyToFileIfNotRegular), and no other entry
 * can be loaded until it is taken away.
 */
function tmpIsFull({ message }: Failure): boolean {
  return message.startsWith('write /tmp/') && message.includes('no space left on device')
}

/** The text from a position once it is complete, or what there is of it when nothing more comes. */
async function textWhen(ui: Ui, from: number, complete: (said: string) => boolean): Promise<string> {
  const matcher = (text: string) =>
    complete(ui.console.since(from)) ? { index: 0, length: text.length } : undefined
  try {
    await ui.console.expect(matcher, { timeoutMs: behindMs, signal: ui.signal, from, what: 'whole message' })
  } catch (error) {
    if (!(error instanceof ConsoleTimeout)) throw error
  }
  return ui.console.since(from)
}
