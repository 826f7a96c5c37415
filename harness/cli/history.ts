/** The history of a results folder, as commands use it. */
import { HarnessError } from '../errors.ts'
import type { RunSummary } from '../journal/summary-schema.ts'

export function tellNote(sentence: string): void {
  console.error(`note: ${sentence}`)
}

/** Keeps a run that ended. A history that can't be used is told, and never fails a run. */
export async function keepInHistory(results: string, summary: RunSummary): Promise<void> {
  try {
    const { takeInRuns, withHistory } = await import('../history/store.ts')
    await withHistory(results, tellNote, async (history) => {
      history.record(summary)
      await takeInRuns(results, history, tellNote)
    })
  } catch (error) {
    tellNote(`the run is not in the history: ${(error as Error).message}`)
    if (error instanceof HarnessError && error.hint !== undefined) console.error(`hint: ${error.hint}`)
  }
}
