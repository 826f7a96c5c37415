/** What a loader does: a handful of steps in a shell. One file per loader. */
import type { TargetFiles } from '../board/board.ts'
import type { CommandResult, Shell } from '../console/shell.ts'

/** One way of loading and starting a kernel. */
export type LoadMethod = {
  syscall: 'kexec_load' | 'kexec_file_load'
  /** False skips purgatory's check of the segments' SHA-256 (`--no-checks`; kexec_load only). */
  checks: boolean
  /** False leaves network interfaces up when executing (`kexec -e -x`), which hides no network driver's mistakes. */
  ifdown: boolean
}

/** What to load: paths on the board and the whole command line of the new kernel. */
export type LoadTarget = TargetFiles & { append: string }

export type StepOptions = { timeoutMs: number; signal?: AbortSignal; onStarted?: (atNs: bigint) => void }

/** A load or unload as it went. `loaded` is what /sys/kernel/kexec_loaded says afterwards, null where it can't be read. */
export type LoadResult = CommandResult & { loaded: boolean | null; unsupported: boolean }

export type Loader = {
  readonly name: string
  load(shell: Shell, target: LoadTarget, method: LoadMethod, options: StepOptions): Promise<LoadResult>
  /** Starts the loaded kernel. Resolves only when that failed; ends by `options.signal` when the new kernel is there. */
  execute(shell: Shell, method: LoadMethod, options: StepOptions): Promise<CommandResult>
  unload(shell: Shell, method: LoadMethod, options: StepOptions): Promise<LoadResult>
}

/** A method in the words of a person: `kexec_load --no-checks`. */
export function describeMethod(method: LoadMethod): string {
  return [method.syscall, method.checks ? '' : '--no-checks', method.ifdown ? '' : '-x']
    .filter(Boolean)
    .join(' ')
}
