import test from 'ava'
import { compareAll, valuesNeeded } from './compare.ts'

const around = (centre: number, n = 12) => Array.from({ length: n }, (_, index) => centre + index - n / 2)
const verdictOf = (from: number[][], to: number[][]) => compareAll([{ from, to }])[0]!.verdict

test('a change counts when it is larger than the noise and than both thresholds', (t) => {
  t.is(verdictOf([around(1000)], [around(1100)]), 'slower')
  t.is(verdictOf([around(1100)], [around(1000)]), 'faster')
  t.is(verdictOf([around(1000)], [around(1000)]), 'no change')
  // 4 % of the median; 6 % but only 12 ms.
  t.is(verdictOf([around(1000)], [around(1040)]), 'no change')
  t.is(verdictOf([around(200)], [around(212)]), 'no change')
})

test('thresholds are those of the pair', (t) => {
  const pair = { from: [around(1000)], to: [around(1040)] }
  t.is(compareAll([{ ...pair, thresholds: { share: 0.01, ms: 5 } }])[0]!.verdict, 'slower')
})

test('a change has its size in words’ numbers', (t) => {
  const [change] = compareAll([{ from: [around(1000)], to: [around(1300)] }])
  t.like(change, { from: { n: 12, median: 999.5 }, shift: 300, delta: 1 })
  t.true(Math.abs(change!.share - 0.3) < 0.001)
  t.true(change!.ci95![0] > 290 && change!.ci95![1] < 310)
})

test('five cycles against five tell one phase and no fifteen', (t) => {
  const slow = { from: [around(1000, 5)], to: [around(2000, 5)] }
  const same = { from: [around(1000, 5)], to: [around(1000, 5)] }
  t.is(compareAll([slow])[0]!.verdict, 'slower')
  t.true(
    compareAll([slow, ...Array.from({ length: 14 }, () => same)]).every(
      ({ verdict }) => verdict === 'too few cycles',
    ),
  )
  // 2 / C(5 + 7, 5) is 0.0025, and 0.05 / 15 is 0.0033.
  t.is(valuesNeeded(5, 15), 7)
  t.is(valuesNeeded(1, 1), 39)
  t.is(valuesNeeded(1, 15), null)
})

test('pairs that can tell nothing take nothing from those that can', (t) => {
  const tiny = { from: [[1000]], to: [[1001]] }
  const changes = compareAll([
    { from: [around(1000, 5)], to: [around(2000, 5)] },
    ...Array.from({ length: 20 }, () => tiny),
  ])
  t.is(changes[0]!.verdict, 'slower')
  t.is(changes[0]!.corrected, changes[0]!.p)
  t.is(changes[1]!.verdict, 'too few cycles')
})

test('p values are corrected as Holm does', (t) => {
  const changes = compareAll([
    { from: [around(1000, 8)], to: [around(1004, 8)] },
    { from: [around(1000, 8)], to: [around(1500, 8)] },
    { from: [around(1000, 8)], to: [around(1000.5, 8)] },
  ])
  const [middle, clear, none] = changes
  t.is(clear!.corrected, clear!.p * 3)
  t.is(middle!.corrected, middle!.p * 2)
  t.is(none!.corrected, Math.max(none!.p, middle!.corrected))
})

test('a change smaller than what the baseline’s own runs differ by is none', (t) => {
  const two = [around(1000), around(1220)]
  const [within] = compareAll([{ from: two, to: [around(1300)] }])
  t.is(within!.verdict, 'no change')
  t.is(within!.betweenRuns, 220)
  t.is(verdictOf(two, [around(1500)]), 'slower')
  const three = [around(1000), around(1100), around(1220)]
  t.is(verdictOf(three, [around(1500)]), 'no change')
  t.is(verdictOf(three, [around(2500)]), 'slower')
  t.is(verdictOf([around(1000), around(1003), around(1001)], [around(1100)]), 'slower')
})

test('what moved everything that shares a host is no change of its own, what stands out from it is', (t) => {
  const phases = [900, 80, 600, 3000, 4000]
  const busier = (stretch: number, shared?: string, own = 1) =>
    compareAll(
      phases.map((ms, index) => ({
        from: [around(ms)],
        to: [around(ms).map((value) => value * stretch * (index === 2 ? own : 1))],
        shared,
      })),
    ).map(({ verdict }) => verdict)
  t.deepEqual(busier(1.5), ['slower', 'slower', 'slower', 'slower', 'slower'])
  t.deepEqual(
    busier(1.5, 'board'),
    phases.map(() => 'no change'),
  )
  t.deepEqual(busier(1.5, 'board', 2), ['no change', 'no change', 'slower', 'no change', 'no change'])
  t.deepEqual(busier(1, 'board', 1.3), ['no change', 'no change', 'slower', 'no change', 'no change'])
  // Several runs say themselves what runs differ by, and so much is known of a board by itself that it is slower.
  const several = phases.map((ms) => ({
    from: [around(ms), around(ms * 1.01), around(ms * 0.99)],
    to: [around(ms * 1.5)],
    shared: 'board',
  }))
  t.true(compareAll(several).every(({ commonShare }) => commonShare === 0))
  t.is(compareAll(several).at(-1)!.verdict, 'slower')
  // Of a few phases the one in the middle may be the one that changed.
  t.is(compareAll([{ from: [around(1000)], to: [around(1500)], shared: 'board' }])[0]!.verdict, 'slower')
})
