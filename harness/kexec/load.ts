/** The first step of a cycle: the new kernel is loaded, and what the loader said is judged. */
import type { Board, TargetFiles } from '../board/board.ts'
import type { Loader, LoadMethod } from '../loader/loader.ts'
import { commandLine } from './command-line.ts'
import { CycleFailed, UnsupportedMethod } from './cycle-errors.ts'
import type { KernelFacts } from './proof.ts'

export type LoadRequest = {
  method: LoadMethod
  target: TargetFiles
  /** Added to the new kernel's command line, after the descriptor's. */
  append?: string
  /** What runs now. */
  before: KernelFacts
}

export type LoadContext = {
  board: Board
  loader: Loader
  nonce: string
  signal: AbortSignal
  onStarted: (atNs: bigint) => void
  onEnded: (atNs: bigint) => void
}

/** What is inherited has the words of the kernel before, whose own were the same: none is said twice. */
function joined(inherited: string, own: string): string {
  const words = new Set(own.split(' '))
  const others = inherited.split(' ').filter((word) => !words.has(word))
  return [...others, own].filter(Boolean).join(' ')
}

/** Loads the new kernel. Throws UnsupportedMethod, CycleFailed with what the loader said, or as the shell does. */
export async function loadKernel(
  { method, target, append, before }: LoadRequest,
  { board, loader, nonce, signal, onStarted, onEnded }: LoadContext,
): Promise<void> {
  const { arch, earlyConsole, limits } = board.descriptor
  const line = commandLine({
    arch,
    earlyConsole,
    append: joined(target.commandLine ?? '', [board.descriptor.append, append].filter(Boolean).join(' ')),
    nonce,
  })
  const options = { timeoutMs: limits.loadMs, signal, onStarted }
  const result = await loader.load(board.shell, { ...target, append: line }, method, options)
  onEnded(result.endedNs)
  if (result.status === 0 && result.loaded !== false) return
  if (result.unsupported)
    throw new UnsupportedMethod(`the running kernel ${before.release} has no ${method.syscall}`)
  const said = result.output.split('\n').filter(Boolean)
  const loaded = result.loaded === null ? 'unreadable' : Number(result.loaded)
  throw new CycleFailed(
    'load-error',
    `${loader.name} could not load the kernel: ${said.at(-1) ?? `status ${result.status}`}`,
    [`exit status ${result.status}, /sys/kernel/kexec_loaded ${loaded}`, ...said],
  )
}
