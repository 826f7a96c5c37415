/** The journal as a suite writes it: a full disk stops the suite, and never a callback of the console. */

import { HarnessError, isAbort, KexecFailure } from '../../harness/errors.ts'
import type { Failure, NewEvent } from '../../harness/journal/events.ts'
import { JournalWriter } from '../../harness/journal/journal.ts'
import { UnsupportedMethod } from '../../harness/kexec/cycle-errors.ts'

/** An event of one board, without the board's name. */
type Distribute<E> = E extends { board: string | null } ? Omit<E, 'board'> : never
export type BoardEvent = Distribute<NewEvent>

export class Recording implements Disposable {
  readonly #board: string
  readonly #writer: JournalWriter
  readonly #stop: AbortController

  /** @param stop is aborted with a LabError once the journal can't be written any more */
  constructor(journal: string, board: string, stop: AbortController) {
    this.#writer = new JournalWriter(journal)
    this.#board = board
    this.#stop = stop
  }

  add(event: BoardEvent): void {
    try {
      this.#writer.add({ ...event, board: this.#board } as NewEvent)
    } catch (error) {
      this.#stop.abort(error)
    }
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]()
  }
}

/** An error in the journal's terms; only a bug of our own keeps its stack. */
export function toFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof HarnessError) return { kind: error.kind, message, hint: error.hint }
  // No fault of anyone, and no bug: its words say all that there is to say.
  if (error instanceof UnsupportedMethod) return { kind: 'usage', message }
  if (isExpectation(error))
    return { kind: 'assertion', message: `${message}: tap/ in the run's folder says why` }
  return { kind: 'internal', message, stack: error instanceof Error ? error.stack : undefined }
}

/** Whose fault an error is: the product's (failed), the lab's or ours (error), or nobody's (interrupted). */
export function verdictOf(error: unknown): 'failed' | 'error' | 'interrupted' {
  if (isAbort(error)) return 'interrupted'
  if (error instanceof KexecFailure || isExpectation(error)) return 'failed'
  return 'error'
}

/** AVA throws this for each assertion that does not hold, and keeps what was wrong for its own output (lib/test.js). */
function isExpectation(error: unknown): boolean {
  return error instanceof Error && error.name === 'TestFailure'
}
