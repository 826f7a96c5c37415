/** kdump: a crash kernel loaded by `kexec -p` into memory that was set aside, and a crash that starts it. */
import { loadWith, unloadWith } from './kexec-tools.ts'
import type { LoadTarget, ShellLoader } from './loader.ts'

/**
 * What a capture kernel is told, as Debian's kdump-tools does: one CPU, since all others were stopped wherever they were,
 * and drivers that expect devices at work (Documentation/admin-guide/kdump/kdump.rst, kernel-parameters.txt).
 */
const captureParameters = 'nr_cpus=1 reset_devices'

export const kdump: ShellLoader = {
  ui: 'shell',
  name: 'kdump',
  parameter: 'crashkernel=256M',
  byPanic: true,

  cannot: ({ ifdown }) =>
    ifdown ? undefined : 'a crash leaves every network interface as it is: kdump knows no -x',

  load: (shell, target, method, options) => loadWith(shell, forCapture(target), method, 'crash', options),

  // A panic writes past what still waits in the UART's buffer and never sends it: the second lets the shell's own words
  // out. Root may always write here, whatever kernel.sysrq allows keys to do (Documentation/admin-guide/sysrq.rst).
  execute: (shell, _method, options) => shell.run('sleep 1; echo c >/proc/sysrq-trigger', options),

  unload: (shell, method, options) => unloadWith(shell, method, 'crash', options),

  async missingProof(shell, options) {
    // The elfcorehdr= that kexec-tools adds makes it; only a kernel that was started by a crash has it.
    const { status } = await shell.run('[ -s /proc/vmcore ]', options)
    return status === 0 ? [] : ['/proc/vmcore is not there: this kernel was not started by a crash']
  },
}

/** A capture kernel has no memory to set aside for a further one; what the user says comes last, so that it wins. */
export function forCapture(target: LoadTarget): LoadTarget {
  const words = target.append.split(' ').filter((word) => word !== '' && !word.startsWith('crashkernel='))
  return { ...target, append: [captureParameters, ...words].join(' ') }
}
