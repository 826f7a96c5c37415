/** kexec-tools: `kexec -l`, `-e`, `-u`; options as kexec(8) of 2.0.25 names them. */
import { quote, type Shell } from '../console/shell.ts'
import type { Loader, LoadMethod, LoadResult, LoadTarget, StepOptions } from './loader.ts'

export const kexecTools: Loader = {
  name: 'kexec-tools',

  async load(shell, target, method, options) {
    const result = await runAndReadLoaded(shell, loadCommand(target, method), options)
    const suspect = result.status !== 0 && saysUnsupported.test(result.output)
    return suspect ? { ...result, unsupported: await lacksSyscall(shell, method, options) } : result
  },

  execute: (shell, method, options) => shell.run(`kexec -e${method.ifdown ? '' : ' -x'}`, options),

  unload: (shell, method, options) => runAndReadLoaded(shell, `kexec ${syscallOption(method)} -u`, options),
}

/** The load as it is typed into the board's shell. */
export function loadCommand(target: LoadTarget, method: LoadMethod): string {
  return [
    'kexec',
    syscallOption(method),
    ...(method.checks ? [] : ['--no-checks']),
    '-l',
    quote(target.kernel),
    ...(target.initramfs === null ? [] : [`--initrd=${quote(target.initramfs)}`]),
    `--append=${quote(target.append)}`,
  ].join(' ')
}

/** What kexec-tools says for ENOSYS, and also for some commands that the kernel merely refuses (kexec.c, EFALLBACK). */
const saysUnsupported = /Function not implemented|syscall kexec_file_load not available/

/** An unload is refused by nothing but a kernel without the system call. */
async function lacksSyscall(
  shell: Shell,
  method: LoadMethod,
  { timeoutMs, signal }: StepOptions,
): Promise<boolean> {
  return (await shell.run(`kexec ${syscallOption(method)} -u`, { timeoutMs, signal })).status !== 0
}

function syscallOption(method: LoadMethod): string {
  return method.syscall === 'kexec_file_load' ? '-s' : '-c'
}

/** One command line for both, since each round trip over a slow console counts into the load. */
async function runAndReadLoaded(shell: Shell, command: string, options: StepOptions): Promise<LoadResult> {
  const result = await shell.run(
    `${command}; r=$?; echo "loaded=$(cat /sys/kernel/kexec_loaded)"; (exit $r)`,
    options,
  )
  const loaded = /^loaded=([01])$/m.exec(result.output)
  return {
    ...result,
    output: result.output.replace(/^loaded=[01]?\n?/m, '').trim(),
    loaded: loaded ? loaded[1] === '1' : null,
    unsupported: false,
  }
}
