/** Steps that the tests of kexec-tools' options share: loads without a cycle, and a kernel that was booted for looking. */

import { kexecTools, loadWith, type Purpose } from '../../harness/loader/kexec-tools.ts'
import type { LoadMethod, LoadResult } from '../../harness/loader/loader.ts'
import type { BoardUnderTest } from './board-under-test.ts'
import { Skip } from './skip.ts'

/** The quickest way that every kernel has. */
export const plain: LoadMethod = { syscall: 'kexec_load', checks: false, ifdown: true }

/** Room for a crash kernel, and trace events that reach the console. */
export const preparation = 'crashkernel=256M tp_printk'

/** A kernel that was booted with all of `preparation`, by a kexec where the running one was not. */
export async function prepareKernel(board: BoardUnderTest): Promise<void> {
  const { output } = await board.run('cat /proc/cmdline')
  const words = output.split(/\s+/)
  if (preparation.split(' ').every((word) => words.includes(word))) return
  await board.kexec(plain, { append: preparation })
}

/** Loads the board's kernel, and nothing more. Throws Skip where the running kernel lacks the system call. */
export async function load(
  board: BoardUnderTest,
  method: LoadMethod,
  purpose: Purpose = 'kernel',
): Promise<LoadResult> {
  const { release } = await board.session.ensureRunning()
  const { shell, descriptor } = board.board
  const target = await board.board.provideTarget(new AbortController().signal)
  const options = { timeoutMs: descriptor.limits.loadMs }
  const result = await loadWith(shell, { ...target, append: 'console=none' }, method, purpose, options)
  if (result.unsupported) throw new Skip(`the running kernel ${release} has no ${method.syscall}`)
  return result
}

/** Leaves nothing loaded. */
export async function unload(board: BoardUnderTest, method: LoadMethod = plain): Promise<LoadResult> {
  await board.session.ensureRunning()
  const { shell, descriptor } = board.board
  return await kexecTools.unload(shell, method, { timeoutMs: descriptor.limits.loadMs })
}

/** Physical addresses, the last one included. */
export type Window = { from: number; to: number }

/** Half of the largest piece of memory below 4 GiB, away from its ends, where kexec-tools goes by itself. */
export async function memoryWindow(board: BoardUnderTest): Promise<Window> {
  const { output } = await board.run(`grep 'System RAM' /proc/iomem`)
  const pieces = [...output.matchAll(/^([0-9a-f]+)-([0-9a-f]+) : System RAM/gm)]
    .map(([, from, to]) => ({ from: Number.parseInt(from!, 16), to: Number.parseInt(to!, 16) }))
    .filter(({ to }) => to < 2 ** 32)
    .toSorted((one, other) => other.to - other.from - (one.to - one.from))
  const size = pieces[0] ? pieces[0].to - pieces[0].from : 0
  const alignment = 16 * 1024 * 1024
  if (size < 32 * alignment) throw new Skip('no piece of memory below 4 GiB has 512 MiB')
  const quarter = Math.floor(size / 4 / alignment) * alignment
  const from = Math.ceil((pieces[0]!.from + quarter) / alignment) * alignment
  return { from, to: from + quarter - 1 }
}
