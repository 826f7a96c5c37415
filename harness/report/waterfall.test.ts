import test from 'ava'
import { buildSummary } from '../journal/summary.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'
import { passedRun } from '../journal/summary-runs-fixture.ts'
import { reportHtml } from './html.ts'
import { waterfallLines, waterfallsOf } from './waterfall.ts'

const parts = (purgatoryMs: number) => ({
  ...{ shutdownTailMs: 0, relocationMs: 40, purgatoryMs, decompressMs: null, earlyKernelMs: 60 },
  consoleWaitMs: 0,
})

/** Two cycles whose gap was taken apart. */
function takenApart() {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'gap', 'takes the gap apart', (test) => {
    for (const purgatoryMs of [300, 500])
      journal.cycle(test, {
        phases: { gapMs: purgatoryMs + 100 },
        gap: {
          ...{ lastLine: 'Bye!', firstLine: 'Booting Linux', toKernelStartMs: null, earlyConsole: true },
          ...{ method: 'breakpoints', ...parts(purgatoryMs), sampled: parts(purgatoryMs + 4) },
        },
      })
  })
  return buildSummary(journal.runner('juno').end('passed'))
}

test('each part has its place in the gap, and parts that a kernel has not are left out', (t) => {
  const [waterfall] = takenApart().boards.flatMap(waterfallsOf)
  t.like(waterfall, { board: 'juno', n: 2, gapMs: 500, method: 'breakpoints' })
  t.deepEqual(
    waterfall!.parts.map(({ label, share, beginShare }) => [label, share, beginShare]),
    [
      ['shutdown tail', 0, 0],
      ['relocation', 0.08, 0],
      ['purgatory', 0.8, 0.08],
      ['early kernel', 0.12, 0.88],
      ['console wait', 0, 1],
    ],
  )
  t.like(waterfall!.parts[2], { medianMs: 400, minMs: 300, maxMs: 500, sampledMs: 404 })
})

test('a terminal shows it as a waterfall of 80 columns, and says what most of it is', (t) => {
  const lines = waterfallLines(takenApart())
  t.deepEqual(lines, [
    'gap of juno, kexec_load: 500 ms (median of 2, by breakpoints)',
    '  shutdown tail    0.0 ms     0 %',
    '  relocation        40 ms     8 %  ███',
    `  purgatory        400 ms    80 %     ${'█'.repeat(32)}`,
    `  early kernel      60 ms    12 %  ${' '.repeat(35)}█████`,
    '  console wait     0.0 ms     0 %',
    '  most of it is purgatory: its digest of the segments, which kexec_load leaves out with --no-checks',
  ])
})

test('the page has it too, and nothing is shown where no gap was taken apart', (t) => {
  t.regex(reportHtml(takenApart()), /Where the gap went[\s\S]*purgatory[\s\S]*404 ms/)
  const whole = buildSummary(passedRun())
  t.deepEqual(waterfallLines(whole), [])
  t.notRegex(reportHtml(whole), /Where the gap went/)
})
