/** Ends a cycle as soon as a part of its console is lost: whatever comes, no result can be blamed on the kexec then. */
import type { Board } from '../board/board.ts'
import { systemClock } from '../clock.ts'

export class LabWatch implements Disposable {
  readonly signal: AbortSignal
  readonly #board: Board
  readonly #sinceNs = systemClock.nowNs()
  readonly #stopHearing: () => void

  constructor({ board, signal }: { board: Board; signal: AbortSignal }) {
    const stop = new AbortController()
    this.signal = AbortSignal.any([signal, stop.signal])
    this.#board = board
    this.#stopHearing = board.console.onHole(() => stop.abort(board.labFault?.(this.#sinceNs)))
  }

  /** Throws LabError where the lab did something since the cycle began. */
  refuse(): void {
    const fault = this.#board.labFault?.(this.#sinceNs)
    if (fault) throw fault
  }

  /** What a judge says, where the lab is not at fault. Throws LabError where it is. */
  async unlessAtFault<T>(judge: () => Promise<T>): Promise<T> {
    this.refuse()
    return await judge()
  }

  [Symbol.dispose](): void {
    this.#stopHearing()
  }
}
