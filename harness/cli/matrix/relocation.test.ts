import test from 'ava'
import { buildSummary } from '../../journal/summary.ts'
import { JournalBuilder } from '../../journal/summary-fixture.ts'
import { passedRun } from '../../journal/summary-runs-fixture.ts'
import { synthetic } from '../../kexec/experiment/synthetic-fixture.ts'
import { relocationRows, relocationTable } from './relocation.ts'

/** A run with an experiment whose relocations were seen, at 2 ms a MiB and 10 ms besides. */
function runOf(padsMiB: readonly number[]) {
  const experiment = synthetic({ share: 0 })
  for (const { padMiB, observations } of experiment.conditions)
    for (const one of observations)
      if (padsMiB.includes(padMiB)) one.parts = { relocationMs: 10 + 2 * padMiB }
  const journal = new JournalBuilder().start(['juno']).open('juno')
  const about = { board: 'juno', suite: 'experiment', test: 'takes it apart' }
  journal.add('gap-experiment', { ...about, experiment })
  return buildSummary(journal.runner('juno').end('passed'))
}

test('the slope is what a MiB costs', (t) => {
  const [row, ...others] = relocationRows(runOf([0, 16, 32, 64]))
  t.deepEqual(others, [])
  t.is(row!.board, 'juno')
  t.true(Math.abs(row!.fit.m - 2) < 1e-9 && Math.abs(row!.fit.b - 10) < 1e-9)
})

test('one size has no slope, and boards that nothing looked into have none', (t) => {
  t.deepEqual(relocationRows(runOf([16])), [])
  t.deepEqual(relocationRows(runOf([])), [])
  t.deepEqual(relocationRows(buildSummary(passedRun())), [])
})

test('what is no run is told', async (t) => {
  await t.throwsAsync(relocationTable(['/nowhere'], {}), { message: /no run at/ })
})
