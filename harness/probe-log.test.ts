import test from 'ava'
import { mostProbes, ProbeLog } from './probe-log.ts'

test('only what was asked can be answered, and only once', async (t) => {
  const log = new ProbeLog(50)
  log.asked(0, 1n)
  log.asked(0, 2n)
  const both = log.answers(2, AbortSignal.timeout(60_000))
  log.answered(7, 3n)
  log.answered(0, 4n)
  log.answered(0, 5n)
  log.asked(1, 6n)
  log.answered(1, 7n)
  await both
  t.deepEqual(log.probes, [
    { sentNs: 1n, answeredNs: 4n },
    { sentNs: 6n, answeredNs: 7n },
  ])
  t.is(log.duplicates, 1)
})

test('a log ends somewhere', (t) => {
  const log = new ProbeLog(50)
  for (let id = 0; id < mostProbes + 5; id++) log.asked(id, 0n)
  t.is(log.probes.length, mostProbes)
  t.is(log.next, undefined)
})

test('who waits for answers gives up when told to', async (t) => {
  const stop = new AbortController()
  const waiting = new ProbeLog(50).answers(1, stop.signal)
  stop.abort(new Error('enough'))
  await t.throwsAsync(waiting, { message: 'enough' })
})
