/** Generation 0 without a boot: the board goes on from where an earlier cold boot had got to. */
import type { Board } from '../board/board.ts'
import type { Line } from '../console/lines.ts'
import { type KernelFacts, readKernelFacts } from './proof.ts'

/** A board that loaded its state answers at once; one on a host that is busy, later. */
const answerLimitMs = 60_000

type Parts = {
  board: Board
  /** The kernel's command line but for its nonce, which is no two boots' the same. */
  commandLine: string
  signal: AbortSignal
}

/** How generation 0 was reached. `warm`: without a boot; `note`: why not, or why what was booted is not kept, for people. */
export type WarmEnd = { facts: KernelFacts; warm?: boolean; note?: string | undefined }

/** Boots; `keep` is to be called when the shell answers and nothing else was asked of it. */
type BootCold = (keep: (lines: readonly Line[]) => Promise<void>) => Promise<KernelFacts>

/**
 * Goes on from what an earlier cold boot was kept in, and returns what that had said; where nothing is kept, or it is of no use,
 * boots cold and keeps that. Throws as `bootCold` does, or the signal's reason.
 */
export async function bootWarm(
  parts: Parts,
  bootCold: BootCold,
): Promise<WarmEnd & { lines?: readonly Line[] }> {
  const { lines, facts, note } = await wake(parts)
  if (facts) return { facts, lines, warm: true }
  let unkept: string | undefined
  const booted = await bootCold(async (said) => {
    unkept = await keep(parts, said)
  })
  return { facts: booted, note: [note, unkept].filter(Boolean).join('; ') || undefined }
}

type Woken = { lines: Line[]; facts: KernelFacts; note?: undefined }
type Asleep = { lines?: undefined; facts?: undefined; note?: string }

/** Leaves the board with its shell answering, or off. */
async function wake({ board, commandLine, signal }: Parts): Promise<Woken | Asleep> {
  const { warm, shell } = board
  if (!warm) return {}
  try {
    const lines = await warm.start(commandLine, signal)
    if (!lines) return {}
    await shell.synchronise(answerLimitMs, signal)
    return { lines, facts: await readKernelFacts(shell, answerLimitMs, signal) }
  } catch (error) {
    signal.throwIfAborted()
    await board.powerOff()
    await warm.discard(commandLine).catch(() => {})
    return { note: `the state that was kept of this board was of no use: ${(error as Error).message}` }
  }
}

/** Returns why it could not be kept, for people. */
async function keep(
  { board, commandLine, signal }: Parts,
  lines: readonly Line[],
): Promise<string | undefined> {
  try {
    await board.warm?.keep(commandLine, lines, signal)
    return undefined
  } catch (error) {
    signal.throwIfAborted()
    return `the state of this board could not be kept: ${(error as Error).message}`
  }
}
