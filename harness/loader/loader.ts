/** What a loader does: a handful of steps, in a shell or in a menu of its own. One file per loader. */
import type { TargetFiles } from '../board/board.ts'
import type { CommandResult, Shell } from '../console/shell.ts'
import type { LoadLayout } from './kexec-debug.ts'
import { type KexecToolsOptions, loadWords } from './kexec-tools-options.ts'
import type { MenuLoader } from './menu-loader.ts'

/** One way of loading and starting a kernel. */
export type LoadMethod = {
  syscall: 'kexec_load' | 'kexec_file_load'
  /** False skips purgatory's check of the segments' SHA-256 (`--no-checks`; kexec_load only). */
  checks: boolean
  /** False leaves network interfaces up when executing (`kexec -e -x`), which hides no network driver's mistakes. */
  ifdown: boolean
  /** What kexec-tools alone can be told beyond that. */
  options?: KexecToolsOptions
}

/** What to load: paths on the board and the whole command line of the new kernel. */
export type LoadTarget = TargetFiles & { append: string }

export type StepOptions = { timeoutMs: number; signal?: AbortSignal; onStarted?: (atNs: bigint) => void }

/** A load or unload as it went. `loaded` is what /sys/kernel/kexec_loaded says afterwards, null where it can't be read. */
export type LoadResult = CommandResult & {
  loaded: boolean | null
  unsupported: boolean
  /** Where the new kernel goes, where the loader was asked and could tell. */
  layout?: LoadLayout
}

/** A loader that is run in a root shell of the kernel that will kexec. */
export type ShellLoader = {
  readonly ui: 'shell'
  readonly name: string
  /** Why it can't kexec in this way, as a sentence; absent, or undefined, where it can. */
  cannot?(method: LoadMethod): string | undefined
  load(shell: Shell, target: LoadTarget, method: LoadMethod, options: StepOptions): Promise<LoadResult>
  /** What generation 0 needs on its command line, where the descriptor's own has no such parameter: `name=value`. */
  readonly parameter?: string
  /** True: the old kernel panics to start the new one, which can't kexec on: the board boots cold after each cycle. */
  readonly byPanic?: boolean
  /** What of the loader's own proof the new kernel does not show, in words. */
  missingProof?(shell: Shell, options: StepOptions): Promise<string[]>
  /** Starts the loaded kernel. Resolves only when that failed; ends by `options.signal` when the new kernel is there. */
  execute(shell: Shell, method: LoadMethod, options: StepOptions): Promise<CommandResult>
  unload(shell: Shell, method: LoadMethod, options: StepOptions): Promise<LoadResult>
}

/** Either kind; MenuLoader is in menu-loader.ts. */
export type Loader = ShellLoader | MenuLoader

/** A method in the words of a person: `kexec_load --no-checks`. */
export function describeMethod(method: LoadMethod): string {
  return [
    method.syscall,
    method.checks ? '' : '--no-checks',
    method.ifdown ? '' : '-x',
    ...loadWords(method.options),
  ]
    .filter(Boolean)
    .join(' ')
}
