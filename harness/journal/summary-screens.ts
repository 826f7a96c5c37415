/** The screens of a test, for its reports. */
import { snapshotText } from '../console/snapshot.ts'
import type { BoardRecord, TestRecord } from './summary-collect.ts'
import type { ScreenSummary } from './summary-schema.ts'

/** A test of many cycles may keep many; the last ones show how it ended. */
const mostOfTest = 10

/** The last screens of a test. Their files' names are the same each time a report is made. */
export function screensOf(
  board: BoardRecord,
  test: TestRecord,
  wallClock: (t: number) => string | null,
): ScreenSummary[] {
  const all = [...board.tests.values()].flatMap(({ screens }) => screens)
  return test.screens.slice(-mostOfTest).map((screen) => ({
    title: screen.title,
    at: wallClock(screen.t),
    cycle: screen.cycle ?? null,
    file: `screens/${fileName(board.name)}-${all.indexOf(screen) + 1}.png`,
    text: snapshotText(screen.snapshot),
    snapshot: screen.snapshot,
  }))
}

/** A journal is read by people, and written by them too: a board's name must not lead out of the folder. */
function fileName(board: string): string {
  return board
    .replace(/[^\w.+@-]/g, '_')
    .replace(/^\.+/, '_')
    .slice(0, 100)
}
