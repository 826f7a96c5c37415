import test from 'ava'
import { buildSummary } from '../journal/summary.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'
import { deadBoard, passedRun } from '../journal/summary-runs-fixture.ts'
import { rangeText } from './format.ts'
import { reportHtml } from './html.ts'
import { methodText, type Waterfall, waterfallsOf } from './waterfall.ts'
import { waterfallLines } from './waterfall-text.ts'

const parts = (purgatoryMs: number) => ({
  ...{ shutdownTailMs: 0, relocationMs: 40, purgatoryMs, decompressMs: null, earlyKernelMs: 60 },
  consoleWaitMs: 0,
})

/** Cycles whose gap was taken apart, with purgatory of these lengths; before them, one of a minute that does not count. */
function takenApart(purgatoriesMs: readonly number[], { warmup = false } = {}) {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'gap', 'takes the gap apart', (test) => {
    for (const purgatoryMs of warmup ? [60_000, ...purgatoriesMs] : purgatoriesMs)
      journal.cycle(test, {
        warmup: purgatoryMs === 60_000,
        phases: { loadMs: 200, shutdownMs: 100, gapMs: purgatoryMs + 100, startupMs: 150, userspaceMs: 50 },
        gap: {
          ...{ lastLine: 'Bye!', firstLine: 'Booting Linux', toKernelStartMs: null, earlyConsole: true },
          ...{ method: 'breakpoints', ...parts(purgatoryMs), sampled: parts(purgatoryMs + 4) },
        },
      })
  })
  return buildSummary(journal.runner('juno').end('passed'))
}

const row = ({ rows }: Waterfall, name: string) => rows.find((one) => one.name === name)!

test('phases follow one another, and the gap’s parts lie in it; what a kernel has not is left out', (t) => {
  const [waterfall] = takenApart([300, 400, 500]).boards.flatMap(waterfallsOf)
  t.like(waterfall, { board: 'juno', suite: 'gap', n: 3, leftOut: 0, totalMs: 1000, method: 'breakpoints' })
  t.deepEqual(
    waterfall!.rows.map(({ label, begin, share, shareOfGap }) => [label, begin, share, shareOfGap]),
    [
      ['load', 0, 0.2, null],
      ['shutdown', 0.2, 0.1, null],
      ['gap', 0.3, 0.5, null],
      ['shutdown tail', 0.3, 0, 0],
      ['relocation', 0.3, 0.04, 0.08],
      ['purgatory', 0.34, 0.4, 0.8],
      ['early kernel', 0.74, 0.06, 0.12],
      ['console wait', 0.8, 0, 0],
      ['startup', 0.8, 0.15, null],
      ['userspace', 0.95, 0.05, null],
    ],
  )
  t.like(row(waterfall!, 'purgatoryMs'), { medianMs: 400, sampledMs: 404 })
  // 4 ms of the shortest gap, which is 400 ms.
  t.is(methodText(waterfall!), 'gap by breakpoints (samples within 1 % of it)')
  t.is(
    methodText({ ...waterfall!, method: 'instructions', samplesOff: null }),
    'gap by instructions counted at breakpoints, a million for 1 ms',
  )
})

test('a distribution has percentiles, interpolated, a single cycle has none', (t) => {
  const [many] = takenApart([100, 200, 300, 400, 500]).boards.flatMap(waterfallsOf)
  t.deepEqual(row(many!, 'purgatoryMs').range, { p5: 120, p25: 200, p75: 400, p95: 480 })
  const [one] = takenApart([300]).boards.flatMap(waterfallsOf)
  t.true(one!.rows.every(({ range }) => range === null))
})

test('warm-ups are in no number, and counted', (t) => {
  const [waterfall] = takenApart([300, 400, 500], { warmup: true }).boards.flatMap(waterfallsOf)
  t.like(waterfall, { n: 3, leftOut: 1, totalMs: 1000 })
  t.regex(
    waterfallLines(takenApart([300, 400], { warmup: true }), 80)[1]!,
    /1 warm-up or control cycle left out/,
  )
})

test('cycles are told apart by suite, by way of loading and by how the gap was taken apart', (t) => {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  const gap = { lastLine: 'a', firstLine: 'b', toKernelStartMs: null, earlyConsole: true } as const
  for (const suite of ['gap', 'timing'])
    journal.test('juno', suite, 'times', (about) => {
      for (const checks of [true, false]) journal.cycle(about, { checks })
      journal.cycle(about, { gap: { ...gap, method: 'console' } })
      if (suite === 'gap') journal.cycle(about, { gap: { ...gap, method: 'sampling', relocationMs: 1 } })
    })
  const all = buildSummary(journal.end()).boards.flatMap(waterfallsOf)
  t.deepEqual(
    all.map(({ suite, loader, method, n }) => [suite, loader, method, n]),
    [
      ['gap', 'kexec_load', null, 2],
      ['gap', 'kexec_load --no-checks', null, 1],
      ['gap', 'kexec_load', 'sampling', 1],
      ['timing', 'kexec_load', null, 2],
      ['timing', 'kexec_load --no-checks', null, 1],
    ],
  )
})

test('a terminal shows a distribution in so many columns, and says what most of the gap is', (t) => {
  const lines = waterfallLines(takenApart([300, 400, 500]), 100)
  t.deepEqual(lines, [
    'where the time went on juno, gap, kexec_load: 1.00 s',
    '  median and 5th to 95th percentile of 3 cycles, gap by breakpoints (samples within 1 % of it)',
    `  load              200 ms    20 %  200 ms             ${'█'.repeat(9)}`,
    `  shutdown          100 ms    10 %  100 ms             ${' '.repeat(9)}${'█'.repeat(5)}`,
    `  gap               500 ms    50 %  410 – 590 ms       ${' '.repeat(14)}${'█'.repeat(18)}▓▓▓▓${'░'.repeat(4)}`,
    `    shutdown tail   0.0 ms     0 %  0.0 ms`,
    `    relocation       40 ms     4 %  40 ms              ${' '.repeat(14)}█`,
    `    purgatory       400 ms    40 %  310 – 490 ms       ${' '.repeat(15)}${'█'.repeat(14)}▓▓▓▓░░░░`,
    `    early kernel     60 ms     6 %  60 ms              ${' '.repeat(33)}███`,
    `    console wait    0.0 ms     0 %  0.0 ms`,
    `  startup           150 ms    15 %  150 ms             ${' '.repeat(36)}${'█'.repeat(7)}`,
    `  userspace          50 ms     5 %  50 ms              ${' '.repeat(43)}██`,
    '  most of the gap is purgatory: its digest of the segments, which kexec_load leaves out with --no-checks',
    '',
    'bars: █ to the 5th percentile, ▓ to the median, ░ to the 95th',
  ])
})

test('a single cycle is a plain waterfall, and a cycle whose gap was not taken apart is not shown on a terminal', (t) => {
  const lines = waterfallLines(takenApart([400]), 80)
  t.is(lines[1], '  one cycle, gap by breakpoints (samples within 0.8 % of it)')
  t.regex(lines[4]!, /^ {2}gap {15}500 ms {4}50 % {2} +█+$/)
  t.false(lines.join('').includes('░'))
  t.deepEqual(waterfallLines(buildSummary(deadBoard()), 80), [])
})

test('no line is longer than the terminal, also where one cycle took a hundred times as long', (t) => {
  for (const width of [60, 80, 120, 300])
    for (const line of waterfallLines(takenApart([1, 2, 3, 100_000]), width).slice(2, -2))
      t.true(line.length <= width || line.startsWith('  most of'), `${width}: ${line}`)
})

const ranges: [p5: number, p95: number, text: string][] = [
  [410, 590, '410 – 590 ms'],
  [800, 1204, '800 ms – 1.20 s'],
  [40.1, 40.2, '40 ms'],
  [58_000, 61_000, '58.0 s – 1 min 1 s'],
  [61_000, 65_000, '1 min 1 s – 1 min 5 s'],
]
for (const [p5, p95, text] of ranges)
  test(`${p5} ms to ${p95} ms is ${text}`, (t) => t.is(rangeText(p5, p95), text))

test('the page has each way of loading, unfolded where the gap was taken apart', (t) => {
  const page = reportHtml(takenApart([300, 500]))
  t.regex(page, /Where the time went[\s\S]*<details open="">[\s\S]*purgatory[\s\S]*404 ms[\s\S]*80 %/)
  t.regex(page, /Most of the gap is purgatory: its digest/)
  t.regex(
    reportHtml(buildSummary(passedRun())),
    /Where the time went<\/h3><details><summary><b>timing, kexec_load/,
  )
})

test('cycles that lie far off are named, and so is a drift', (t) => {
  const far = waterfallLines(takenApart([300, 310, 305, 2000, 302, 308]), 80)
  t.true(
    far.includes('  outliers, in every number: gap of cycle 4 2.10 s, purgatory of cycle 4 2.00 s'),
    far.join('\n'),
  )
  t.notRegex(far.join('\n'), /drifts/)
  const growing = waterfallLines(takenApart(Array.from({ length: 12 }, (_, index) => 300 + 20 * index)), 80)
  t.true(
    growing.includes('  drifts over the generations: gap by +20 ms a cycle, purgatory by +20 ms a cycle'),
    growing.join('\n'),
  )
})

test('cycles of which nothing was timed are no waterfall', (t) => {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'smoke', 'boots', (about) => journal.cycle(about, { phases: {} }))
  const summary = buildSummary(journal.end())
  t.deepEqual(summary.boards.flatMap(waterfallsOf), [])
  t.notRegex(reportHtml(summary), /Where the time went/)
})
