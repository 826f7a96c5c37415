/** Results on standard output, and what happens where nobody reads it. */
import { LabError } from '../errors.ts'

/** Prints a result and waits until it is out. Throws LabError when it can't be written; a reader that left is no error. */
export async function print(text: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.ErrnoException | null | undefined>()
  process.stdout.write(`${text}\n`, resolve)
  const error = await promise
  if (!error || error.code === 'EPIPE') return
  const why = error.code === 'ENOSPC' ? 'the disk is full' : error.message
  throw new LabError(`cannot write the result to standard output: ${why}`, {
    hint: "The run's folder has it too, in run.json.",
    cause: error,
  })
}

/** A closed pipe or terminal must not end a run in its middle: the journal and the reports go on. */
export function surviveClosedOutput(): void {
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
}
