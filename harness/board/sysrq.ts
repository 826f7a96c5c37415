/** Asks a kernel that no longer answers on its shell: a serial BREAK, then a key of sysrq. */
import type { Console } from '../console/console.ts'
import { ConsoleTimeout } from '../console/console.ts'

/** Documentation/admin-guide/sysrq.rst: "l" backtraces of all CPUs, "w" blocked tasks, "t" all tasks, "p" registers, "b" reboot. */
export type SysrqKey = 'l' | 'w' | 't' | 'p' | 'b'

/** A console that can send a BREAK; false: it has no way to. */
export type BreakSender = { sendBreak(): Promise<boolean> }

const answerTimeoutMs = 5_000
/** A dump of a few hundred lines takes this long at 115200 baud. */
const quietMs = 1_000
const longestDumpMs = 30_000
const keptLines = 400
/** drivers/tty/sysrq.c, __handle_sysrq(): `sysrq: Show Blocked State`, also where it is disabled; older ones said `SysRq : `. */
const answer = /sysrq ?: [^\r\n]*/i

/** The lines of the answer; undefined where there was none, null where no BREAK can be sent. */
export async function askSysrq(
  key: SysrqKey,
  console: Console,
  sender: BreakSender,
  signal: AbortSignal,
): Promise<string[] | undefined | null> {
  const from = console.position
  if (!(await sender.sendBreak())) return null
  // The key counts only within five seconds of the BREAK (include/linux/serial_core.h, uart_handle_break).
  await console.write(key)
  try {
    const what = `answer to sysrq ${key}`
    await console.expect(answer, { from, signal, timeoutMs: answerTimeoutMs, what })
  } catch (error) {
    if (error instanceof ConsoleTimeout) return undefined
    throw error
  }
  if (key !== 'b') await quiet(console, signal)
  return console.since(from).split(/\r?\n/).filter(Boolean).slice(0, keptLines)
}

/** Waits until nothing has come for a second. */
async function quiet(console: Console, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + longestDumpMs
  while (performance.now() < deadline) {
    try {
      await console.expect(/[\s\S]/, {
        from: console.position,
        signal,
        timeoutMs: quietMs,
        what: 'more of the dump',
      })
    } catch (error) {
      if (error instanceof ConsoleTimeout) return
      throw error
    }
  }
}
