/** What a cold boot that did not reach its shell is told as. */
import type { Board } from '../board/board.ts'
import { ConsoleClosed, ConsoleTimeout } from '../console/console.ts'
import { BoardError } from '../errors.ts'

/** undefined where the board is not to blame: the run was stopped, or another part of the harness or the lab failed. */
export function bootFailure(
  error: unknown,
  { board, signal }: { board: Board; signal: AbortSignal },
): BoardError | undefined {
  const told =
    error instanceof ConsoleTimeout || error instanceof ConsoleClosed || error instanceof BoardError
  if (signal.aborted || !told) return undefined
  const last =
    error instanceof ConsoleTimeout
      ? ''
      : `; last line: ${JSON.stringify(board.console.lastLine.slice(0, 200))}`
  return new BoardError(`${board.descriptor.name} did not boot cold: ${error.message}${last}`, {
    board: board.descriptor.name,
    hint: 'Look at the end of its console log; the kernel, the initramfs or limits.boot of the descriptor may be wrong.',
    cause: error,
  })
}
