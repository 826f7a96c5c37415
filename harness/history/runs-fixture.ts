/** Runs for the tests of the history, and a process that records some: `node runs-fixture.ts RESULTS PREFIX COUNT`. */
import { buildSummary } from '../journal/summary.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'
import type { RunSummary } from '../journal/summary-schema.ts'
import { withHistory } from './store.ts'

/** A run of board juno whose gaps are these, milliseconds; one warm-up comes first. */
export function runOf(
  name: string,
  gapsMs: readonly number[],
  startedAt = '2026-11-21T02:14:09.000Z',
): RunSummary {
  const journal = new JournalBuilder().start(['juno']).open('juno').plan('juno', 'timing', ['times'])
  journal.test('juno', 'timing', 'times', (about) => {
    journal.cycle(about, { warmup: true, phases: phasesOf(99_000) })
    for (const gapMs of gapsMs) journal.cycle(about, { phases: phasesOf(gapMs) })
  })
  return { ...buildSummary(journal.runner('juno').end('passed')), run: name, startedAt }
}

function phasesOf(gapMs: number) {
  return { loadMs: 800, shutdownMs: 60, gapMs, startupMs: 900, userspaceMs: 300, totalMs: 1260 + gapMs }
}

if (process.argv[1] === import.meta.filename) {
  const [results = '', prefix = '', count = '0'] = process.argv.slice(2)
  for (let index = 0; index < Number(count); index++)
    await withHistory(results, console.error, (history) =>
      history.record(runOf(`${prefix}-${index}`, [100 + index, 101 + index])),
    )
}
