/** What the board's kernel itself says of the system calls that a loader made: its own trace events. */
import type { BoardUnderTest } from './board-under-test.ts'
import { Skip } from './skip.ts'

/** The calls that kexec(8) makes. SIOCSIFFLAGS, include/uapi/linux/sockios.h, is what takes an interface down. */
const traced = [
  'sys_enter_kexec_load',
  'sys_enter_kexec_file_load',
  'sys_enter_sync',
  'sys_enter_ioctl:cmd==0x8914',
]

export type KernelCall = {
  name: 'kexec_load' | 'kexec_file_load' | 'sync' | 'ioctl'
  /** As the kernel names and prints them, hexadecimal. */
  arguments: Record<string, string>
}

const tracing = '/sys/kernel/tracing'

/**
 * Has the running kernel trace those calls. With `tp_printk` on its command line it prints them too, which is the only
 * way to see what happens after an execute. Throws Skip where it has no events of system calls.
 */
export async function traceCalls(board: BoardUnderTest): Promise<void> {
  const events = `${tracing}/events/syscalls`
  const steps = traced.map((entry) => {
    const [event, filter] = entry.split(':')
    const folder = `${events}/${event}`
    return [
      ...(filter ? [`echo '${filter}' >${folder}/filter`] : []),
      // A kernel without the call has no such event.
      `if [ -e ${folder} ]; then echo 1 >${folder}/enable; fi`,
    ].join('; ')
  })
  const mount = `[ -e ${events} ] || mount -t tracefs tracefs ${tracing}`
  const { output } = await board.run(
    `{ ${mount}; ${steps.join('; ')}; } 2>/dev/null; ls -d ${events}/sys_enter_kexec_load`,
  )
  if (!output.startsWith(events)) throw new Skip('the running kernel has no trace events of system calls')
}

/** The calls since the last time, oldest first. */
export async function callsSoFar(board: BoardUnderTest): Promise<KernelCall[]> {
  const { output } = await board.run(`grep -v '^#' ${tracing}/trace; echo >${tracing}/trace`)
  return parseCalls(output.split('\n'))
}

/** Reads the calls off lines of a trace, or of a console with `tp_printk`; other lines are passed over. */
export function parseCalls(lines: readonly string[]): KernelCall[] {
  return lines.flatMap((line) => {
    const found = /\bsys_(kexec_load|kexec_file_load|sync|ioctl)\(([^)]*)\)/.exec(line)
    if (!found) return []
    const [, name, list] = found as unknown as [string, KernelCall['name'], string]
    const pairs = list.split(', ').filter(Boolean)
    return [{ name, arguments: Object.fromEntries(pairs.map((pair) => pair.split(': '))) }]
  })
}
