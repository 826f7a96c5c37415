import test from 'ava'
import { buildSummary } from '../journal/summary.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'
import { hostileText, passedRun } from '../journal/summary-runs-fixture.ts'
import type { BoardSummary } from '../journal/summary-schema.ts'
import type { Observed } from '../kexec/observe/observed.ts'
import { reportHtml } from './html.ts'
import { initcallLines, microseconds, slowestInitcallsOf } from './initcalls.ts'

type Calls = NonNullable<Observed['initcalls']>['calls']

/** A run whose last cycle told of these calls; startup took 2 s, user space 1 s. */
function told(calls: Calls) {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'gap', 'names the slowest', (about) => {
    journal.cycle(about, { warmup: true, phases: { startupMs: 2000, userspaceMs: 1000 } })
    const observed = { readings: [], disagreements: [], shutdown: null, canaryIntact: null, notes: [] }
    journal.add('cycle-observed', {
      board: 'juno',
      cycle: 1,
      observed: { ...observed, initcalls: { count: 1234, calls } },
    })
  })
  return buildSummary(journal.runner('juno').end('passed'))
}

const calls: Calls = [
  { kind: 'initcall', name: 'acpi_init', module: null, returned: 0, us: 400_000, phase: 'startup' },
  { kind: 'initcall', name: 'nvme_init', module: 'nvme', returned: -19, us: 100_000, phase: 'userspace' },
  { kind: 'probe', name: '0000:00:05.0', module: null, returned: 0, us: 1234, phase: 'startup' },
]
const board = (all: Calls): BoardSummary => told(all).boards[0]!

test('the slowest come with their share of the phase that they ran in', (t) => {
  t.deepEqual(initcallLines(board(calls)), [
    'slowest of 1234 initcalls on juno: startup 2.00 s, user space 1.00 s',
    '  acpi_init                                   400,000 µs  20 % of startup',
    '  nvme_init [nvme] (returned -19)             100,000 µs  10 % of user space',
    '  probe of 0000:00:05.0                         1,234 µs  0.1 % of startup',
  ])
  const many = Array.from({ length: 30 }, () => calls[0]!)
  t.is(slowestInitcallsOf(board(many))!.slowest.length, 10)
  t.regex(
    reportHtml(told(calls)),
    /Slowest initcalls after the gap[\s\S]*acpi_init[\s\S]*400,000 µs[\s\S]*20 %/,
  )
})

test('nothing is shown where no kernel told, and what is hostile is escaped', (t) => {
  t.deepEqual(buildSummary(passedRun()).boards.flatMap(initcallLines), [])
  t.notRegex(reportHtml(buildSummary(passedRun())), /Slowest initcalls/)
  const hostile = [{ ...calls[0]!, name: hostileText }]
  t.notRegex(initcallLines(board(hostile)).join(''), /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800]/)
  t.notRegex(reportHtml(told(hostile)), /<script>/)
})

test('microseconds are grouped', (t) => {
  t.deepEqual([0, 999, 1000, 1_234_567].map(microseconds), ['0 µs', '999 µs', '1,000 µs', '1,234,567 µs'])
})
