/** The few kinds of error. Each message says what, where, how long, and what to do next. */

/** Extra facts that a report can show beside the message. */
export type ErrorDetails = {
  /** What to try next, as one sentence or one command. */
  hint?: string
  /** Name of the board that the error is about. */
  board?: string
  cause?: unknown
}

/** An error that a user sees as it is, without a stack trace. */
export abstract class HarnessError extends Error {
  abstract readonly kind: ErrorKind
  readonly hint: string | undefined
  readonly board: string | undefined

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.hint = details.hint
    this.board = details.board
  }
}

export type ErrorKind = 'usage' | 'lab' | 'board' | 'kexec'

/** What the user typed or wrote is wrong: a command line, a descriptor, a recipe, an image. */
export class UsageError extends HarnessError {
  readonly kind = 'usage'
}

/** The lab is at fault: console, power, host, a missing program, a full disk. */
export class LabError extends HarnessError {
  readonly kind = 'lab'
}

/** The board did not do what a working board does outside of kexec, such as booting cold. */
export class BoardError extends HarnessError {
  readonly kind = 'board'
}

/** The thing under test failed: a load, a handover, a new kernel that did not come up or was not proven. */
export class KexecFailure extends HarnessError {
  readonly kind = 'kexec'
}

/** Exit statuses of every command; see DESIGN.md, "Commands". */
export const exitStatus = { passed: 0, failed: 1, usage: 2, lab: 3, interrupted: 130 } as const

/** The exit status that an error asks for. A bug of the harness itself must not look like the product's fault. */
export function exitStatusOf(error: unknown): number {
  if (error instanceof UsageError) return exitStatus.usage
  if (error instanceof KexecFailure) return exitStatus.failed
  return isAbort(error) ? exitStatus.interrupted : exitStatus.lab
}

/** True for what an aborted AbortSignal throws. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
