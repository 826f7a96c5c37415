/** What a stage is: one step on the way from power-on, or from a kexec, to a shell that answers. One file each. */
import type { Console } from '../../console/console.ts'

export type StageContext = {
  console: Console
  /** Console position from which to look: what was said before belongs to an earlier stage or an older kernel. */
  from: number
  /** What the kernel of generation 0 should get on its command line, where the stage can give it one. */
  commandLine: string
  /** The most that this stage may take; a stage's own limit may be shorter. */
  timeoutMs: number
  signal: AbortSignal
}

/**
 * Goes through one stage; returns the console position from which the next one looks.
 * Throws ConsoleTimeout (a prompt that never comes), ConsoleClosed, LabError (corrupted input, a missing secret),
 * BoardError (the board refused what it was told) or the signal's reason.
 */
export type RunStage<S> = (stage: S, context: StageContext) => Promise<number>
