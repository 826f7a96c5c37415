/** u-root's own `kexec` command (cmds/core/kexec of its sources), in the shell that u-root comes up with. */
import { quote, type Shell } from '../console/shell.ts'
import { runAndReadLoaded } from './kexec-tools.ts'
import type { LoadMethod, LoadResult, LoadTarget, ShellLoader, StepOptions } from './loader.ts'
import { withoutNoise } from './u-root-menu.ts'

export const uRootKexec: ShellLoader = {
  ui: 'shell',
  name: 'u-root-kexec',

  // The kernel hands words of its command line that it does not know to init. With this one gosh has no line editor,
  // which would show lines above 80 columns cut and lose what is typed ahead of its prompt.
  parameter: 'TERM=dumb',

  cannot: ({ checks }) => (checks ? undefined : "u-root's kexec has no way to skip purgatory's checks"),

  load: (shell, target, method, options) => run(shell, uRootLoadCommand(target, method), options),

  execute: async (shell, _method, options) => {
    const result = await shell.run('kexec -e', options)
    return { ...result, output: withoutNoise(result.output) }
  },

  // It has no option for that, and says so before all that it has.
  async unload(shell, _method, options) {
    const result = await run(shell, 'kexec -u', options)
    return { ...result, output: result.output.replace(/\nUsage of [\s\S]*/, '') }
  },
}

/** The load as it is typed. The kernel comes last: `-l` takes what follows it for the kernel, unless that is an option. */
export function uRootLoadCommand(
  { kernel, initramfs, append }: LoadTarget,
  { syscall }: Pick<LoadMethod, 'syscall'>,
): string {
  return [
    'kexec',
    ...(syscall === 'kexec_load' ? ['-L'] : []),
    '-l',
    ...(initramfs === null ? [] : ['-i', quote(initramfs)]),
    '-c',
    quote(append),
    quote(kernel),
  ].join(' ')
}

/** A kernel without the system call, or a command without the option. */
const saysUnsupported = /= function not implemented|^flag provided but not defined: /m

async function run(shell: Shell, command: string, options: StepOptions): Promise<LoadResult> {
  const result = await runAndReadLoaded(shell, command, 'kernel', options)
  const unsupported = result.status !== 0 && saysUnsupported.test(result.output)
  return { ...result, output: withoutNoise(result.output), unsupported }
}
