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

/** A run of the suite gap whose cycles have these parts; of one cycle in three nobody took the gap apart. */
function partStatistics(purgatoriesMs: readonly number[]): Statistic[] {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'gap', 'takes the gap apart', (about) => {
    for (const [index, purgatoryMs] of purgatoriesMs.entries())
      journal.cycle(about, {
        phases: { gapMs: purgatoryMs + 100 },
        gap: {
          ...{
            lastLine: '',
            firstLine: '',
            toKernelStartMs: null,
            earlyConsole: true,
            method: 'breakpoints',
          },
          ...(index % 3 === 2 ? {} : { relocationMs: 40, purgatoryMs, decompressMs: null }),
        },
      })
  })
  return buildSummary(journal.end()).boards[0]!.statistics
}

test('parts of the gap have statistics beside the phases, where they were measured', (t) => {
  const statistics = partStatistics([300, 310, 9999, 320, 2000, 9999, 305, 315, 9999])
  t.deepEqual(
    statistics.map(({ phase, n }) => [phase, n]),
    [
      ['gapMs', 9],
      ['relocationMs', 6],
      ['purgatoryMs', 6],
    ],
  )
  const purgatory = statistics.find(({ phase }) => phase === 'purgatoryMs')!
  t.like(purgatory, { median: 312.5, min: 300, max: 2000, outliers: [{ cycle: 5, value: 2000 }] })
  t.deepEqual(purgatory.ci95, [300, 2000])
  t.truthy(purgatory.bootstrap95)
})

test('a part that grows from generation to generation drifts, by so much a cycle, and one that does not is no drift', (t) => {
  const growing = partStatistics(Array.from({ length: 24 }, (_, index) => 300 + 5 * index))
  const of = (all: Statistic[], phase: string) => all.find((one) => one.phase === phase)!.drift!
  t.like(of(growing, 'purgatoryMs'), { n: 16, perCycle: 5, significant: true })
  t.like(of(growing, 'relocationMs'), { perCycle: 0, significant: false })
  t.is(partStatistics([300, 310, 305])[0]!.drift, null)
})

test('of many phases that are tested for drift at once, one that would be seen by chance is none', (t) => {
  // p is 0.027 for six values that grow: too much for three phases at once.
  const [gap] = partStatistics([300, 301, 302, 303, 304, 306])
  t.true(gap!.drift!.p < 0.05)
  const [, , purgatory] = partStatistics([300, 301, 0, 302, 303, 0, 304])
  t.true(purgatory!.drift!.p < 0.05, String(purgatory!.drift!.p))
  t.false(purgatory!.drift!.significant)
})

test('numbers of cycles that no run gives are no reason to fail', (t) => {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'timing', 'times', (about) => {
    for (const cycle of [1, 2 ** 50, 5, 7, 9]) journal.cycle(about, { cycle, phases: { gapMs: cycle % 100 } })
  })
  t.is(buildSummary(journal.end()).boards[0]!.statistics[0]!.drift, null)
})
