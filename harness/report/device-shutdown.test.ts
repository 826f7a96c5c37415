import test from 'ava'
import { buildSummary } from '../journal/summary.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'
import { hostileText, observedRun, passedRun } from '../journal/summary-runs-fixture.ts'
import { deviceShutdownLines, deviceShutdownsOf } from './device-shutdown.ts'
import { reportHtml } from './html.ts'

type Device = [device: string, driver: string | null, durationMs: number | null]

/** A run with one audited cycle for each list of devices. */
function audited(...cycles: Device[][]) {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'shutdown', 'shuts down', (about) => {
    for (const [index, devices] of cycles.entries()) {
      const shutdown = {
        devices: devices.map(([device, driver, durationMs]) => ({
          device,
          driver,
          durationMs,
          hasShutdown: true,
        })),
        ipis: [],
      }
      const observed = { readings: [], disagreements: [], shutdown, canaryIntact: null, notes: [] }
      journal.cycle(about).add('cycle-observed', { board: 'juno', cycle: index + 1, observed })
    }
  })
  return buildSummary(journal.runner('juno').end('passed'))
}

const nvme = (ms: number | null): Device => ['0000:00:01.0', 'nvme', ms]

test('devices stand in the order of their median over the audited cycles', (t) => {
  const [board] = audited(
    [nvme(50), ['00:00', null, 10]],
    [nvme(70), ['00:00', null, 30]],
    [nvme(null)],
  ).boards
  t.like(deviceShutdownsOf(board!), { n: 3, count: 2, sumMs: 80 })
  t.deepEqual(deviceShutdownLines(board!), [
    'slowest device shutdowns on juno: 2 devices, 80 ms together, median of 3 cycles',
    `  0000:00:01.0  nvme    60 ms    75 %  ${'█'.repeat(18)}`,
    `  00:00         -       20 ms    25 %  ${'█'.repeat(6)}`,
  ])
})

test('only the ten slowest are shown', (t) => {
  const devices = Array.from({ length: 40 }, (_, index): Device => [`device${index}`, 'driver', index])
  const found = deviceShutdownsOf(audited(devices).boards[0]!)!
  t.is(found.count, 40)
  t.deepEqual(
    found.slowest.map(({ medianMs }) => medianMs),
    [39, 38, 37, 36, 35, 34, 33, 32, 31, 30],
  )
})

test('the page has them too, and nothing is shown where nothing was audited', (t) => {
  t.regex(
    reportHtml(buildSummary(observedRun())),
    /Slowest device shutdowns before the gap[\s\S]*e1000e[\s\S]*13 ms/,
  )
  t.notRegex(reportHtml(buildSummary(passedRun())), /Slowest device shutdowns/)
  t.is(deviceShutdownsOf(audited([nvme(null)]).boards[0]!), null)
  const hostile = audited([[hostileText, hostileText, 12]])
  t.notRegex(
    deviceShutdownLines(hostile.boards[0]!).join(''),
    /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800]/,
  )
  t.notRegex(reportHtml(hostile), /<script>/)
})
