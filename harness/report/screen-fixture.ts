/** For tests: snapshots of real screens, and a run that has some. */
import { Console } from '../console/console.ts'
import { Screen } from '../console/screen.ts'
import type { Snapshot } from '../console/snapshot.ts'
import type { JournalEvent } from '../journal/events.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'

/** What a terminal of 80×25 shows of what a console says. */
export async function snapshotOf(said: string): Promise<Snapshot> {
  const console = new Console({ write: async () => {} })
  using screen = new Screen(console)
  const end = '\x1b[24;75H.end.'
  console.feed(Buffer.from(`${said}\x1b[0m${end}`), 1n)
  await screen.expect('.end.', { timeoutMs: 30_000, what: 'end' })
  console.feed(Buffer.from('\x1b[24;75H     \x1b[H\x1b[25;1H.'), 2n)
  return await screen.expect((view) => view.rows[24] === '.' && screen.snapshot(), {
    timeoutMs: 30_000,
    what: 'last row',
  })
}

/** A run with a test that failed at a menu, whose screens are these. */
export function runWithScreens(
  screens: readonly Snapshot[],
  { title = 'the menu', verdict = 'failed' as 'failed' | 'passed', message = 'no entry "B"' } = {},
): JournalEvent[] {
  const journal = new JournalBuilder().start(['qemu-x86_64'], 'x86_64').open('qemu-x86_64')
  const failure = { kind: 'board' as const, message }
  journal.test(
    'qemu-x86_64',
    'loader',
    'petitboot: boots the entry "B"',
    ([board, suite, name]) => {
      for (const snapshot of screens) journal.add('screen', { board, suite, test: name, title, snapshot })
    },
    verdict === 'failed' ? { verdict, failure } : { verdict },
  )
  return journal.end(verdict)
}
