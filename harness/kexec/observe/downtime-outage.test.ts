import test from 'ava'
import { ProbeLog } from '../../probe-log.ts'
import { outageOf } from './downtime-outage.ts'

const ns = (ms: number) => BigInt(ms) * 1_000_000n

/** Questions every 50 ms up to a time, each answered after so many milliseconds, or not at all. */
function asked(endMs: number, answerAfterMs: (sentMs: number) => number | null): ProbeLog {
  const log = new ProbeLog(50)
  for (let id = 0; id * 50 <= endMs; id++) {
    const sentMs = id * 50
    log.asked(id, ns(sentMs))
    const afterMs = answerAfterMs(sentMs)
    if (afterMs !== null) log.answered(id, ns(sentMs + afterMs))
  }
  return log
}

/** Execute at 1 s, the old kernel's last line at 2 s, the new kernel's first at 5 s. */
const moments = { executeNs: ns(1_000), lastOldNs: ns(2_000), firstNewNs: ns(5_000) }
const gone = (fromMs: number, toMs: number) => (sentMs: number) =>
  sentMs >= fromMs && sentMs < toMs ? null : 1

test('from the last answer to the first, and where both lie', (t) => {
  const outage = outageOf(asked(10_000, gone(1_500, 8_000)), moments)
  t.deepEqual(outage, {
    ...{ sent: 201, answered: 71, late: 0, duplicates: 0 },
    ...{ ms: 6_550, uncertaintyMs: 100, lastAnswerMs: 451, firstAnswerMs: 7_001 },
    ...{ lastAfterLastLineMs: -549, firstAfterFirstLineMs: 3_001, longestSilenceMs: 6_550 },
  })
})

test('a single packet that is lost is no outage', (t) => {
  const lossy = asked(10_000, (sentMs) => (sentMs % 500 === 0 ? null : gone(1_500, 8_000)(sentMs)))
  t.like(outageOf(lossy, moments), { ms: 6_600, lastAnswerMs: 451, firstAnswerMs: 7_051 })
})

test('what waited in a queue counts from when it was answered', (t) => {
  // The card takes what was sent since 6 s all at once when it is up, at 8 s.
  const queued = asked(10_000, (sentMs) =>
    sentMs >= 6_000 && sentMs < 8_000 ? 8_000 - sentMs : gone(1_500, 8_000)(sentMs),
  )
  t.like(outageOf(queued, moments), { ms: 6_549, firstAnswerMs: 7_000, late: 20, answered: 111 })
})

test('a network that comes and goes once more is told by its longest silence', (t) => {
  const twice = asked(20_000, (sentMs) =>
    gone(1_500, 6_000)(sentMs) === null ? null : gone(7_000, 15_000)(sentMs),
  )
  t.like(outageOf(twice, moments), { ms: 4_550, longestSilenceMs: 8_050 })
})

test('without lines of the console the longest silence is the outage', (t) => {
  t.like(outageOf(asked(10_000, gone(1_500, 8_000)), { executeNs: ns(1_000) }), {
    ...{ ms: 6_550, lastAfterLastLineMs: null, firstAfterFirstLineMs: null },
  })
})

test('a network that never comes back has no length of its outage', (t) => {
  t.like(outageOf(asked(10_000, gone(1_500, 60_000)), moments), {
    ...{ ms: null, uncertaintyMs: null, firstAnswerMs: null, lastAnswerMs: 451, sent: 201 },
  })
})

test('one that only the new kernel has neither', (t) => {
  t.like(outageOf(asked(10_000, gone(0, 8_000)), moments), { ms: null, firstAnswerMs: 7_001 })
})

test('where nothing is ever answered there is nothing to tell', (t) => {
  t.is(
    outageOf(
      asked(10_000, () => null),
      moments,
    ),
    null,
  )
  t.is(outageOf(new ProbeLog(50), moments), null)
})
