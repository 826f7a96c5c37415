/** Has the old kernel tell what its shutdown does: each device's, how long, and who sends IPIs to whom. */
import { quote } from '../../console/shell.ts'
import { ShutdownAudit } from '../../detect/audit.ts'
import { commandTimeoutMs, type Observer, type Occasion } from './observer.ts'

/** Lets trace events reach the console (Documentation/admin-guide/kernel-parameters.txt); it can't be switched on later. */
export const auditParameter = 'tp_printk'

/** No command of that name. Source: POSIX, 2.8.2 Exit Status for Commands. */
const notFound = 127

/** `offsets` are those of the running kernel's structures, as images/guest/harness-audit takes them. */
export function auditing(offsets: () => Promise<Record<string, string>>): Observer {
  return {
    ...listening(),
    async prepare(occasion) {
      const { board, evidence, signal } = occasion
      const known = Object.entries(await offsets()).map(([name, value]) => quote(`${name}=${value}`))
      const { status, output } = await board.shell.run(['harness-audit', 'on', ...known].join(' '), {
        timeoutMs: commandTimeoutMs,
        signal,
      })
      for (const [, item, reason] of output.matchAll(/(\w+)=no:(\S+)/g))
        evidence.notes.push(`the shutdown audit has no ${item}: ${reason}`)
      if (status === notFound) return await tellShutdown(occasion)
      if (status !== 0) evidence.notes.push(`the shutdown is not audited: harness-audit ended with ${status}`)
    },
  }
}

/** Only each device's order and duration: that takes nothing on the board but a shell. */
export function timingShutdown(): Observer {
  return { ...listening(), prepare: tellShutdown }
}

function listening(): Observer {
  const audit = new ShutdownAudit()
  return {
    line(line, stage) {
      if (stage === 'shutdown' || stage === 'gap') audit.line(line)
    },
    async finish({ evidence }) {
      evidence.shutdown = audit.finish()
    },
  }
}

// device_shutdown()'s messages are KERN_INFO, 6: `quiet` would hide them. The status of `read` says nothing: a shell that reads
// byte by byte finds the end of this file after the first.
const tellCommand =
  '(echo 1 >/sys/module/kernel/parameters/initcall_debug || exit; read -r level rest </proc/sys/kernel/printk;' +
  ' [ "$level" -gt 6 ] || echo 7 >/proc/sys/kernel/printk)'

/** Has device_shutdown() tell of each device: images/guest/harness-audit does the same, and more. */
async function tellShutdown({ board, evidence, signal }: Occasion): Promise<void> {
  const { status, output } = await board.shell.run(tellCommand, { timeoutMs: commandTimeoutMs, signal })
  if (status !== 0) evidence.notes.push(`the shutdown of devices is not timed: ${output.trim().slice(-200)}`)
}
