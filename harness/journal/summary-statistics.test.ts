/** What run.json says of several cycles, from a journal. */
import test from 'ava'
import { buildSummary } from './summary.ts'
import { JournalBuilder } from './summary-fixture.ts'
import type { Statistic } from './summary-schema.ts'

/** The statistic of the gap of one run whose gaps are these, the first `warmups` of them warm-ups. */
function gapStatistic(
  gapsMs: readonly number[],
  { warmups = 0, precision = null as number | null } = {},
): Statistic {
  const journal = new JournalBuilder().start(['juno'])
  Object.assign((journal.events[0] as { plan: object }).plan, { precision })
  journal.open('juno').test('juno', 'timing', 'times', (about) => {
    for (const [index, gapMs] of gapsMs.entries())
      journal.cycle(about, { warmup: index < warmups, phases: { loadMs: 800, shutdownMs: 60, gapMs } })
  })
  const { statistics } = buildSummary(journal.end()).boards[0]!
  return statistics.find(({ phase }) => phase === 'gapMs')!
}

test('outliers are named by their cycle and stay in the numbers', (t) => {
  const one = gapStatistic([99_000, 8333, 8217, 7821, 8499, 12_829, 7838, 8104, 8542, 7852], { warmups: 1 })
  t.deepEqual(one.outliers, [{ cycle: 6, value: 12_829 }])
  t.like(one, { n: 9, max: 12_829, warmups: 1 })
})

test('five cycles have no exact interval, and a bootstrap that says the same each time', (t) => {
  const gapsMs = [120, 124, 122, 129, 121]
  const { ci95, bootstrap95 } = gapStatistic(gapsMs)
  t.is(ci95, null)
  t.deepEqual(bootstrap95, gapStatistic(gapsMs).bootstrap95)
  t.true(bootstrap95![0] >= 120 && bootstrap95![1] <= 129 && bootstrap95![0] < bootstrap95![1])
})

test('a precision that was asked for is said to be reached or not, of the gap alone', (t) => {
  t.is(gapStatistic([100, 101, 99, 100, 102, 100]).precision, null)
  t.deepEqual(gapStatistic([100, 101, 99, 100, 102, 100], { precision: 0.05 }).precision, {
    asked: 0.05,
    reached: 0.015,
    met: true,
  })
  t.like(gapStatistic([100, 200, 100, 200, 100, 200], { precision: 0.05 }).precision, { met: false })
  t.deepEqual(gapStatistic([100, 101], { precision: 0.05 }).precision, {
    asked: 0.05,
    reached: null,
    met: false,
  })
})
