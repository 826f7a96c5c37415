import { stripVTControlCharacters } from 'node:util'
import test from 'ava'
import { buildSummary } from '../journal/summary.ts'
import {
  allRuns,
  crashedRunner,
  deadBoard,
  hostileRun,
  passedRun,
  stressRun,
} from '../journal/summary-runs-fixture.ts'
import { duration } from './format.ts'
import { terminalOptions, terminalReport } from './table.ts'

test('the table of a run that passed, in a wide terminal', (t) => {
  t.is(
    terminalReport(buildSummary(passedRun()), { width: 120, report: 'results/latest/report.html' }),
    `┌──────────────┬──────────────────────┬────────────────────────┬────────┬────────────┬─────────┬─────────┬─────────┐
│ board        │ kernel               │ loader                 │ cycles │ gap median │ gap p95 │ startup │ verdict │
├──────────────┼──────────────────────┼────────────────────────┼────────┼────────────┼─────────┼─────────┼─────────┤
│ qemu-aarch64 │ 6.1.0-37-cloud-arm64 │ kexec_load             │    7/7 │     10.4 s │  10.4 s │  900 ms │ passed  │
│ qemu-aarch64 │ 6.1.0-37-cloud-arm64 │ kexec_load --no-checks │    6/6 │     124 ms │  126 ms │  900 ms │ passed  │
│ qemu-x86_64  │ 6.1.0-37-cloud-amd64 │ kexec_file_load        │    1/1 │     7.10 s │  7.10 s │  900 ms │ passed  │
└──────────────┴──────────────────────┴────────────────────────┴────────┴────────────┴─────────┴─────────┴─────────┘

where the time went on qemu-aarch64, timing, kexec_load: 12.5 s
  median and 5th to 95th percentile of 6 cycles, 1 warm-up or control cycle left out
  load              800 ms   6.4 %  800 ms             ████
  shutdown           60 ms   0.5 %  60 ms                  ▏
  gap               10.4 s  83.5 %  10.4 s                 ██████████████████████████████████████████████████
  startup           900 ms   7.2 %  900 ms                                                                   █████
  userspace         300 ms   2.4 %  300 ms                                                                        █

where the time went on qemu-aarch64, timing, kexec_load --no-checks: 2.18 s
  median and 5th to 95th percentile of 6 cycles
  load              800 ms  36.6 %  800 ms             ██████████████████████
  shutdown           60 ms   2.7 %  60 ms                                    ██
  gap               124 ms   5.7 %  123 – 126 ms                               ███
  startup           900 ms  41.2 %  900 ms                                        █████████████████████████
  userspace         300 ms  13.7 %  300 ms                                                                 ████████

bars: █ to the 5th percentile, ▓ to the median, ░ to the 95th

checked/unchecked gap ratio on qemu-aarch64: 83.9 (10.4 s against 124 ms, kexec_load)

passed: 3 passed, 0 failed; 14 of 14 kexecs proven in 3 min 23 s
report: results/latest/report.html
`,
  )
})

for (const width of [20, 60, 80, 100, 200])
  test(`the table fits ${width} columns and has every value`, (t) => {
    const text = terminalReport(buildSummary(passedRun()), { width })
    const table = text.slice(0, text.indexOf('where the time went'))
    if (width >= 60) for (const line of table.split('\n')) t.true(line.trimEnd().length <= width, line)
    for (const value of [
      'qemu-aarch64',
      '6.1.0-37-cloud-arm64',
      'kexec_load --no-checks',
      '6/6',
      '124 ms',
      '126 ms',
      '900 ms',
      'passed',
    ])
      t.true(table.includes(value), value)
  })

test('what is hostile reaches no terminal, whatever the run', (t) => {
  for (const run of Object.values(allRuns)) {
    const summary = buildSummary(run())
    const plain = terminalReport(summary, { report: 'results/\x1b[2J/report.html' })
    t.notRegex(plain, /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800]/)
    t.is(
      stripVTControlCharacters(
        terminalReport(summary, { colour: true, report: 'results/\x1b[2J/report.html' }),
      ),
      plain,
    )
  }
})

test('a failed test shows its diagnosis and the last console line', (t) => {
  const lines = terminalReport(buildSummary(stressRun())).split('\n')
  const at = lines.indexOf('failed juno, stress: chain')
  t.deepEqual(lines.slice(at + 1, at + 4), [
    '  4 of 40 cycles failed',
    '  diagnosis: silent since "Bye!": no line of a new kernel within 30 s (inferred)',
    '  last console line: [   12.4] Bye!',
  ])
})

test('stress facts come with interval and drift', (t) => {
  const text = terminalReport(buildSummary(stressRun()))
  t.regex(text, /stress on juno: 4 of 40 cycles failed, 10 % \(95 %: 3\.\d+ % to 23\S* %\); no drift of gap/)
  t.true(text.includes('available memory drifts by -512 KiB a cycle'))
})

test('findings, dead boards, crashed runners and retries each have their line', (t) => {
  const hostile = terminalReport(buildSummary(hostileRun()))
  t.regex(hostile, /^warning kernel-warning on juno, .*: look at /m)
  t.regex(hostile, /^flaky juno, smoke: comes good: passed at attempt 2$/m)
  t.regex(hostile, /^skipped juno, smoke: skips: no file load/m)
  t.regex(
    terminalReport(buildSummary(deadBoard())),
    /^error juno: juno did not boot within 180 s\n {2}Look at console/m,
  )
  t.regex(terminalReport(buildSummary(crashedRunner())), /\| TypeError: x is not a function/)
})

test('colour only on a terminal and without NO_COLOR', (t) => {
  t.deepEqual(terminalOptions({ isTTY: true, columns: 132 }, {}), { width: 132, colour: true })
  t.deepEqual(terminalOptions({ isTTY: true, columns: 132 }, { NO_COLOR: '1' }), {
    width: 132,
    colour: false,
  })
  t.deepEqual(terminalOptions({ isTTY: true }, { TERM: 'dumb' }), { width: 120, colour: false })
  t.deepEqual(terminalOptions({}, {}), { width: 120, colour: false })
  t.true(terminalReport(buildSummary(passedRun()), { colour: true }).includes('\x1b[32mpassed'))
})

test('durations read well at every size', (t) => {
  t.deepEqual([null, 0, 0.42, 124.4, 999.6, 7100, 10_394, 59_949, 59_950, 123_400].map(duration), [
    '-',
    '0.0 ms',
    '0.4 ms',
    '124 ms',
    '1.00 s',
    '7.10 s',
    '10.4 s',
    '59.9 s',
    '1 min 0 s',
    '2 min 3 s',
  ])
})
