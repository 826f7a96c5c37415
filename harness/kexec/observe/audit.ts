/** Has the old kernel tell what its shutdown does: each device's, how long, and who sends IPIs to whom. */
import { quote } from '../../console/shell.ts'
import { ShutdownAudit } from '../../detect/audit.ts'
import { commandTimeoutMs, type Observer } from './observer.ts'

/** Lets trace events reach the console (Documentation/admin-guide/kernel-parameters.txt); it can't be switched on later. */
export const auditParameter = 'tp_printk'

/** `offsets` are those of the running kernel's structures, as images/guest/harness-audit takes them. */
export function auditing(offsets: () => Promise<Record<string, string>>): Observer {
  const audit = new ShutdownAudit()
  return {
    async prepare({ board, evidence, signal }) {
      const known = Object.entries(await offsets()).map(([name, value]) => quote(`${name}=${value}`))
      const { status, output } = await board.shell.run(['harness-audit', 'on', ...known].join(' '), {
        timeoutMs: commandTimeoutMs,
        signal,
      })
      for (const [, item, reason] of output.matchAll(/(\w+)=no:(\S+)/g))
        evidence.notes.push(`the shutdown audit has no ${item}: ${reason}`)
      if (status !== 0) evidence.notes.push(`the shutdown is not audited: harness-audit ended with ${status}`)
    },
    line(line, stage) {
      if (stage === 'shutdown' || stage === 'gap') audit.line(line)
    },
    async finish({ evidence }) {
      evidence.shutdown = audit.finish()
    },
  }
}
