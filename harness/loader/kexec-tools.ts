/** kexec-tools: `kexec -l`, `-p`, `-e`, `-u`; options as kexec(8) of 2.0.25 names them. */
import { quote, type RunOptions, type Shell } from '../console/shell.ts'
import { debugNoise, parseKexecDebug } from './kexec-debug.ts'
import { loadWords } from './kexec-tools-options.ts'
import type { LoadMethod, LoadResult, LoadTarget, ShellLoader, StepOptions } from './loader.ts'

export const kexecTools: ShellLoader = {
  ui: 'shell',
  name: 'kexec-tools',

  load: (shell, target, method, options) => loadWith(shell, target, method, 'kernel', options),

  execute: (shell, method, options) => shell.run(executeCommand(method), options),

  unload: (shell, method, options) => unloadWith(shell, method, 'kernel', options),
}

/** What is loaded: a kernel to execute, or one that stands by for a panic. The kernel keeps both at once. */
export type Purpose = 'kernel' | 'crash'

const purposes = {
  kernel: { load: '-l', unload: [], loaded: '/sys/kernel/kexec_loaded' },
  crash: { load: '-p', unload: ['-p'], loaded: '/sys/kernel/kexec_crash_loaded' },
} as const

/** Loads with kexec-tools, and tells a refusal from a kernel without the system call. Throws as the shell does. */
export async function loadWith(
  shell: Shell,
  target: LoadTarget,
  method: LoadMethod,
  purpose: Purpose,
  options: StepOptions,
): Promise<LoadResult> {
  const command = loadCommand(target, method, purpose)
  const debug = method.options?.debug === true
  const typed = debug ? withDebugOutput(command, method) : command
  const result = await runAndReadLoaded(shell, typed, purpose, options)
  const layout = debug ? parseKexecDebug(result.output) : undefined
  const told = layout === undefined ? result : { ...result, layout }
  const suspect = result.status !== 0 && saysUnsupported.test(result.output)
  return suspect ? { ...told, unsupported: await lacksSyscall(shell, method, options) } : told
}

/** Unloads what was loaded for that purpose. Throws as the shell does. */
export function unloadWith(
  shell: Shell,
  method: LoadMethod,
  purpose: Purpose,
  options: StepOptions,
): Promise<LoadResult> {
  const command = ['kexec', syscallOption(method), ...purposes[purpose].unload, '-u'].join(' ')
  return runAndReadLoaded(shell, command, purpose, options)
}

/** The load as it is typed into the board's shell. */
export function loadCommand(target: LoadTarget, method: LoadMethod, purpose: Purpose = 'kernel'): string {
  return [
    'kexec',
    syscallOption(method),
    ...(method.checks ? [] : ['--no-checks']),
    ...loadWords(method.options),
    purposes[purpose].load,
    quote(target.kernel),
    ...(target.initramfs === null ? [] : [`--initrd=${quote(target.initramfs)}`]),
    `--append=${quote(target.append)}`,
  ].join(' ')
}

/** The execute as it is typed. */
export function executeCommand({ ifdown, options }: LoadMethod): string {
  return ['kexec -e', ifdown ? '' : '-x', options?.sync === false ? '-y' : ''].filter(Boolean).join(' ')
}

/**
 * Without most of the noise. Not a pipe: the status has to be that of kexec. What the kernel told of a kexec_file_load
 * loses its stamp and prefix, since a shell on the kernel's own console takes stamped lines for no part of an answer.
 */
function withDebugOutput(command: string, { syscall }: LoadMethod): string {
  const file = '/tmp/kexec-debug'
  const told = syscall === 'kexec_file_load' ? `; dmesg | sed -n 's/.*kexec_file: //p'` : ''
  return `${command} >${file} 2>&1; d=$?; grep -vE ${quote(debugNoise)} ${file}; rm -f ${file}${told}; (exit $d)`
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

/** Runs a command that loads or unloads. One command line for all, since each round trip over a slow console counts. */
export async function runAndReadLoaded(
  shell: Shell,
  command: string,
  purpose: Purpose,
  options: RunOptions,
): Promise<LoadResult> {
  const result = await shell.run(
    `${command}; r=$?; echo "loaded=$(cat ${purposes[purpose].loaded})"; (exit $r)`,
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
