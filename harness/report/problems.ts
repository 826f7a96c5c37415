/** What went wrong with a test, put together once for every report. */
import type { Diagnosis, Failure } from '../journal/events.ts'
import type { BoardSummary, CycleSummary, TestSummary } from '../journal/summary-schema.ts'

/** A reader's names for the kinds of failure; they are the `type` in JUnit. */
export const kindNames: Record<Failure['kind'], string> = {
  usage: 'UsageError',
  lab: 'LabError',
  board: 'BoardError',
  kexec: 'KexecFailure',
  assertion: 'AssertionError',
  internal: 'InternalError',
}

/** Whether a test's verdict is one that somebody has to look at. */
export function isRed({ verdict }: Pick<TestSummary, 'verdict'>): boolean {
  return verdict === 'failed' || verdict === 'error' || verdict === 'interrupted'
}

export function cyclesOf(board: BoardSummary, test: TestSummary): CycleSummary[] {
  return board.cycles.filter((cycle) => cycle.suite === test.suite && cycle.test === test.test)
}

/** The diagnoses of a test's cycles, the last one being what the test most likely ended with. */
export function diagnosesOf(
  cycles: readonly CycleSummary[],
): { cycle: CycleSummary; diagnosis: Diagnosis }[] {
  return cycles.flatMap((cycle) => (cycle.diagnosis ? [{ cycle, diagnosis: cycle.diagnosis }] : []))
}

/** One sentence on why a test did not pass. */
export function messageOf(test: TestSummary, cycles: readonly CycleSummary[]): string {
  return (
    test.failure?.message ??
    test.reason ??
    diagnosesOf(cycles).at(-1)?.diagnosis.summary ??
    cycles.findLast(({ failure }) => failure !== null)?.failure?.message ??
    'no message was given'
  )
}
