import test from 'ava'
import { buildSummary } from '../journal/summary.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'
import { passedRun } from '../journal/summary-runs-fixture.ts'
import type { Outage } from '../kexec/observe/downtime-record.ts'
import { downtimeLines, downtimesOf } from './downtime.ts'
import { reportHtml } from './html.ts'
import { terminalReport } from './table.ts'

const outage = (ms: number | null, more: Partial<Outage> = {}): Outage => ({
  ...{ sent: 400, answered: 200, late: 0, duplicates: 0, ms, uncertaintyMs: 100, longestSilenceMs: ms },
  ...{ lastAnswerMs: 100, firstAnswerMs: ms === null ? null : 100 + ms },
  ...{ lastAfterLastLineMs: -1_200, firstAfterFirstLineMs: 3_400 },
  ...more,
})

type Seen = { icmp: Outage | null; tcp: Outage | null }

function asked(seen: readonly Seen[]) {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'downtime', 'answers its network again', (test) => {
    for (const downtime of seen)
      journal.cycle(test, {
        phases: {
          ...{ gapMs: 5_000, totalMs: 11_000 },
          pingDowntimeMs: downtime.icmp?.ms ?? undefined,
          tcpDowntimeMs: downtime.tcp?.ms ?? undefined,
        },
        downtime,
      })
  })
  return buildSummary(journal.runner('juno').end('passed'))
}

const three = asked([9_000, 9_800, 12_000].map((ms) => ({ icmp: outage(ms), tcp: outage(ms + 100) })))

test('medians of what was asked, where they lie, and what the console says of the same cycles', (t) => {
  t.deepEqual(downtimeLines(three.boards[0]!), [
    'downtime of juno, kexec_load: ping 9.80 s, TCP 9.90 s (medians of 3, at most 100 ms too long)',
    "  network gone 1.20 s before the old kernel's last line, back 3.40 s after the new kernel's first",
    '  execute to a shell that answers: 11.0 s, of which the gap is 5.00 s',
  ])
})

test('it is a phase of its own in statistics', (t) => {
  const phases = three.boards[0]!.statistics.filter(({ phase }) => phase.endsWith('DowntimeMs'))
  t.deepEqual(
    phases.map(({ phase, n, median }) => [phase, n, median]),
    [
      ['pingDowntimeMs', 3, 9_800],
      ['tcpDowntimeMs', 3, 9_900],
    ],
  )
})

test('where a firewall drops ICMP, TCP tells', (t) => {
  const [row] = downtimesOf(asked([{ icmp: null, tcp: outage(7_000) }]).boards[0]!)
  t.like(row, { pingMs: null, tcpMs: 7_000, firstAfterFirstLineMs: 3_400 })
  const [line] = downtimeLines(asked([{ icmp: null, tcp: outage(7_000) }]).boards[0]!)
  t.is(line, 'downtime of juno, kexec_load: TCP 7.00 s (one cycle, at most 100 ms too long)')
})

test('a network that went once more is told', (t) => {
  const lines = downtimeLines(
    asked([{ icmp: outage(4_000, { longestSilenceMs: 30_000 }), tcp: null }]).boards[0]!,
  )
  t.is(lines.at(-1), '  longest silence of a cycle: 30.0 s')
})

test('both reports have it, and say nothing where nobody asked', (t) => {
  t.true(terminalReport(three).includes('downtime of juno, kexec_load: ping 9.80 s'))
  t.regex(reportHtml(three), /<h3>Downtime, as its network shows it<\/h3>.*9\.80 s.*9\.90 s/s)
  const never = asked([{ icmp: outage(null), tcp: null }])
  for (const summary of [buildSummary(passedRun()), never]) {
    t.false(terminalReport(summary).includes('downtime of'))
    t.false(reportHtml(summary).includes('Downtime, as its network'))
  }
})
