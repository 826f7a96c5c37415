/** Ends the wait for a new kernel as soon as the machine is seen to be stuck for ever, on boards that can be looked into. */
import type { Board } from '../board/board.ts'
import { systemClock } from '../clock.ts'

/** Rarely, since each look takes the CPUs out of their code for a moment. */
const usualIntervalMs = 5_000

/** Calls `onStuck`, with what a CPU was found doing in two looks in a row, at most once; disposing ends it. */
export function watchForStuck(
  board: Pick<Board, 'findEndlessLoop'>,
  onStuck: (what: string) => void,
  intervalMs = usualIntervalMs,
): Disposable {
  const stop = new AbortController()
  const watch = async () => {
    for (let before: string | undefined; ; ) {
      await systemClock.sleep(intervalMs, stop.signal)
      const now = await board.findEndlessLoop?.()
      if (stop.signal.aborted) return
      if (now !== undefined && now === before) return onStuck(now)
      before = now
    }
  }
  // A machine that can't be looked into has its limit.
  if (board.findEndlessLoop) watch().catch(() => {})
  return { [Symbol.dispose]: () => stop.abort() }
}
