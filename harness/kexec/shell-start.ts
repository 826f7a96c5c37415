/** A cycle that a shell of the old kernel starts: the new kernel is loaded, what the loader said is judged, and it is executed. */
import type { Board, TargetFiles } from '../board/board.ts'
import type { LoadMethod, ShellLoader } from '../loader/loader.ts'
import { commandLine, newNonce } from './command-line.ts'
import { CycleFailed, kernelLacks, UnsupportedMethod } from './cycle-errors.ts'
import type { KernelStart, StartWatch } from './kernel-start.ts'
import { padInitramfs } from './padded-initramfs.ts'
import type { KernelFacts } from './proof.ts'

export type LoadRequest = {
  method: LoadMethod
  target: TargetFiles
  /** Added to the new kernel's command line, after the descriptor's. */
  append?: string
  /** How much larger than the target's own its initramfs is made, MiB. */
  padInitramfsMiB?: number | undefined
  /** Whether the new kernel shows its first words; what the descriptor says where it is absent. */
  earlyConsole?: boolean | undefined
  /** What runs now. */
  before: KernelFacts
}

type Context = { board: Board; loader: ShellLoader }

/** The start of one cycle, with a nonce of its own. */
export function shellStart(request: LoadRequest, { board, loader }: Context): KernelStart {
  const nonce = newNonce()
  return {
    nonce,
    before: request.before,
    shutdownLimitMs: board.descriptor.limits.shutdownMs,
    byPanic: loader.byPanic,
    earlyConsole: request.earlyConsole,
    missingProof: async (signal) =>
      (await loader.missingProof?.(board.shell, { timeoutMs: board.descriptor.limits.loadMs, signal })) ?? [],
    load: (watch) => loadKernel(request, { board, loader, nonce, ...watch }),
    async execute({ timeoutMs, signal, mark }) {
      const { status, output } = await loader.execute(board.shell, request.method, {
        ...{ timeoutMs, signal },
        onStarted: (atNs) => mark('exec', atNs),
      })
      return { reason: 'exec-error', message: output.trim() || `it came back with status ${status}` }
    },
  }
}

/** What the loader needs of generation 0; the descriptor's own value of the same parameter is better. */
export function loaderParameter({ loader: { parameter = '' }, board }: Context): string {
  const name = parameter.split('=')[0]!
  const words = board.descriptor.append.split(' ')
  return name !== '' && words.some((word) => word.startsWith(`${name}=`)) ? '' : parameter
}

/** What is inherited has the words of the kernel before, whose own were the same: none is said twice. */
function joined(inherited: string, own: string): string {
  const words = new Set(own.split(' '))
  const others = inherited.split(' ').filter((word) => !words.has(word))
  return [...others, own].filter(Boolean).join(' ')
}

function withoutEarlyConsole(inherited = ''): string {
  return inherited
    .split(' ')
    .filter((word) => !/^(earlycon|earlyprintk)\b/.test(word))
    .join(' ')
}

/** Loads the new kernel. Throws UnsupportedMethod, CycleFailed with what the loader said, or as the shell does. */
async function loadKernel(
  { method, target, append, padInitramfsMiB = 0, earlyConsole, before }: LoadRequest,
  { board, loader, nonce, signal, mark }: Context & StartWatch & { nonce: string },
): Promise<void> {
  const why = loader.cannot?.(method)
  if (why !== undefined) throw new UnsupportedMethod(why)
  const { arch, limits } = board.descriptor
  const line = commandLine({
    arch,
    earlyConsole: earlyConsole ?? board.descriptor.earlyConsole,
    append: joined(
      earlyConsole === false ? withoutEarlyConsole(target.commandLine) : (target.commandLine ?? ''),
      [board.descriptor.append, append].filter(Boolean).join(' '),
    ),
    nonce,
  })
  const options = { timeoutMs: limits.loadMs, signal }
  const padded =
    padInitramfsMiB > 0 ? await padInitramfs(board.shell, target, padInitramfsMiB, options) : undefined
  const result = await loader.load(board.shell, { ...(padded?.target ?? target), append: line }, method, {
    ...options,
    onStarted: (atNs: bigint) => mark('load', atNs),
  })
  mark('loaded', result.endedNs)
  await padded?.remove()
  if (result.status === 0 && result.loaded !== false) return
  if (result.unsupported) throw kernelLacks(before.release, method)
  const said = result.output.split('\n').filter(Boolean)
  const loaded = result.loaded === null ? 'unreadable' : Number(result.loaded)
  throw new CycleFailed(
    'load-error',
    `${loader.name} could not load the kernel: ${said.at(-1) ?? `status ${result.status}`}`,
    [`exit status ${result.status}, /sys/kernel/kexec_loaded ${loaded}`, ...said],
  )
}
