import test from 'ava'
import { buildSummary } from '../journal/summary.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'
import { estimateGap } from '../kexec/experiment/model.ts'
import type { GapExperiment } from '../kexec/experiment/result.ts'
import { synthetic } from '../kexec/experiment/synthetic-fixture.ts'
import { experimentLines, sentences } from './experiment-text.ts'
import { reportHtml } from './html.ts'

const of = (experiment: GapExperiment) =>
  sentences({ suite: 'experiment', test: 'takes the gap apart', ...estimateGap(experiment)! })

const summaryOf = (experiment: GapExperiment) =>
  buildSummary(
    new JournalBuilder()
      .start(['juno'])
      .open('juno')
      .add('gap-experiment', { board: 'juno', suite: 'gap', test: 'takes the gap apart', experiment }).events,
  )

test('the words say what costs how much, for how many MiB, and what to do', (t) => {
  t.deepEqual(of(synthetic({ share: 0 })), [
    "purgatory's digest costs 9.60 s (±0.0 ms) for 60 MiB: 160 ms a MiB; load with --no-checks, or use kexec_file_load",
    'relocation costs 240 ms (±0.0 ms) for 60 MiB: 4.0 ms a MiB; a smaller initramfs costs less',
    "without an early console the gap is 250 ms (±0.0 ms) longer: until its driver is there the kernel's first words wait",
    '900 ms (±0.0 ms) is in what no cycle varied: end of the shutdown, decompressor, early kernel',
    "kexec_file_load's gap is 8.00 s (±0.0 ms) shorter",
    "a crash kernel's gap is 280 ms (±0.0 ms) shorter: it lies where it runs, nothing is relocated, and no device is shut down",
    'with one CPU (maxcpus=1) the startup after the gap is 120 ms (±0.0 ms) shorter: so much the others cost',
    'with quiet it is 700 ms (±0.0 ms) less from execute to ready: so long the console takes for what the kernel prints',
  ])
})

test('kexec_file_load is no advice where it is not quicker, and what was not varied is named with the reason', (t) => {
  const experiment = synthetic({ share: 0 }, (conditions) =>
    conditions.filter(({ syscall }) => syscall === 'kexec_load'),
  )
  experiment.leftOut.push({
    differsIn: 'kexec_file_load',
    reason: 'the running kernel 6.1 has no kexec_file_load',
  })
  const lines = of(experiment)
  t.regex(lines[0]!, /; load with --no-checks$/)
  t.is(lines.at(-1), 'not varied: kexec_file_load, since the running kernel 6.1 has no kexec_file_load')
})

test('what noise hides is said to be hidden', (t) => {
  const lines = of(synthetic({ share: 0.3, seed: 3 }))
  t.true(
    lines.some((line) =>
      /^(relocation|console wait|other CPUs) can't be told from nothing: -?[\d.]+ m?s \(±/.test(line),
    ),
  )
})

test('estimates stand beside what the borders showed', (t) => {
  const experiment = synthetic({ share: 0 })
  for (const one of experiment.conditions[0]!.observations)
    one.parts = { purgatoryMs: 9_500, relocationMs: 250 }
  t.regex(
    of(experiment)[0]!,
    / \[at the gap's borders: 9\.50 s, off by 0\.93 % of the gap, 1\.1 % of itself\]$/,
  )
})

test('an experiment in a journal is in the terminal, in run.json and in the page, with its plot', (t) => {
  const experiment = synthetic({})
  const summary = summaryOf(experiment)
  t.is(summary.boards[0]!.experiments.length, 1)
  t.regex(
    experimentLines(summary)[0]!,
    /^gap of juno, kexec_load: 10\.\d s \(told from 39 cycles that differ in one thing, in 3 blocks\)$/,
  )
  const page = reportHtml(summary)
  t.regex(page, /Where the gap went, by experiment/)
  t.regex(page, /<svg xmlns="http:\/\/www.w3.org\/2000\/svg" class="plot"/)
  t.regex(page, /kexec_load --no-checks: 4\.\d ms a MiB/)
})

test('words from a board can not become markup', (t) => {
  const experiment = synthetic({})
  experiment.leftOut.push({ differsIn: '<script>', reason: '"><img src=x>\x1b[31m' })
  const page = reportHtml(summaryOf(experiment))
  t.notRegex(page, /<script>|<img src=x>/)
  t.notRegex(experimentLines(summaryOf(experiment)).join('\n'), /\x1b/)
})
