/** What the comparison is for: it stays quiet where nothing changed, and names what did; from seeded draws of real shapes. */
import test from 'ava'
import type { JournalEvent } from '../journal/events.ts'
import { type Conditions, measuredGroups, phaseValues } from '../journal/measured.ts'
import { buildSummary } from '../journal/summary.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'
import type { RunSummary } from '../journal/summary-schema.ts'
import { defaultThresholds } from '../stats/compare.ts'
import { seededRandom } from '../stats/random.ts'
import { drawCycles, normal } from '../stats/real-phases-fixture.ts'
import { type ComparedPhase, compareSides, type Side } from './comparison.ts'

const own: Conditions = {
  ...{ suite: 'timing', accelerator: 'tcg', kernel: '6.1 cloud-amd64', loader: 'kexec-tools' },
  ...{ syscall: 'kexec_load', checks: true, noIfdown: false, entry: null, append: '' },
}
const ways: Conditions[] = [own, { ...own, checks: false }, { ...own, syscall: 'kexec_file_load' }]
const boards = { 'qemu-x86_64': 'x86_64', 'qemu-aarch64': 'arm64' } as const

type Values = Record<string, number>
type Change = (values: Values) => Values

/** One run of the suite timing on two boards; relocation is a third of a gap of its own kind, as on arm64 without checks. */
function drawSide(name: string, n: number, random: () => number, change: Change = (values) => values): Side {
  const groups = Object.entries(boards).flatMap(([board, shape]) =>
    ways.map((conditions) => {
      const cycles = drawCycles(shape, n, random).map((phases, index) => {
        const relocationMs = 350 * (1 + 0.03 * normal(random))
        return { cycle: index + 1, warmup: false, kernel: null, values: change({ ...phases, relocationMs }) }
      })
      return {
        board,
        conditions,
        kernels: [],
        runs: [{ run: name, startedAt: null, values: phaseValues({ cycles }) }],
      }
    }),
  )
  return { name, groups }
}

const compare = (from: Side, to: Side) => compareSides(from, to, () => defaultThresholds)
const alarms = (rows: readonly ComparedPhase[]) =>
  rows.filter(({ verdict }) => verdict === 'slower' || verdict === 'faster')

const comparisons = 200
/** The level, 5 % of 200, is the mean of a binomial distribution whose 99.9 % point is 20. */
const mostByChance = 20

test('200 comparisons of a thing with itself raise alarms in at most 5 %', (t) => {
  const random = seededRandom(2026)
  let raised = 0
  let anyDifference = 0
  for (let trial = 0; trial < comparisons; trial++) {
    const [from, to] = [drawSide('from', 15, random), drawSide('to', 12, random)]
    const rows = compare(from, to)
    t.is(rows.length, 2 * 3 * 6)
    t.true(rows.every(({ verdict }) => verdict !== 'too few cycles'))
    if (alarms(rows).length > 0) raised++
    // Without thresholds and effect size only the rank test and its correction stand between noise and an alarm.
    if (rows.some(({ corrected }) => corrected <= 0.05)) anyDifference++
  }
  t.log(`${raised} of ${comparisons} raised an alarm, ${anyDifference} without thresholds`)
  t.true(raised <= 0.05 * comparisons, `${raised}`)
  t.true(anyDifference <= mostByChance, `${anyDifference}`)
})

/** A run of eight cycles on a host that was more or less busy meanwhile, which all of them share. */
function drawLoaded(name: string, spread: number, random: () => number, change?: Change): Side {
  const factor = Math.exp(spread * normal(random))
  const loaded = (values: Values) =>
    Object.fromEntries(Object.entries(values).map(([phase, ms]) => [phase, ms * factor]))
  return drawSide(name, 8, random, (values) => (change ? change(loaded(values)) : loaded(values)))
}

function baselineOf(runs: readonly Side[]): Side {
  const groups = runs[0]!.groups.map((group, index) => ({
    ...group,
    runs: runs.flatMap((run) => run.groups[index]!.runs),
  }))
  return { name: 'baseline', groups }
}

test('runs that differ by the load of the host raise alarms in at most 5 %, against several and against one', (t) => {
  const random = seededRandom(11)
  let single = 0
  let several = 0
  for (let trial = 0; trial < comparisons; trial++) {
    const runs = Array.from({ length: 8 }, (_, index) => drawLoaded(`run ${index}`, 0.08, random))
    const to = drawLoaded('to', 0.08, random)
    if (alarms(compare(baselineOf(runs), to)).length > 0) several++
    if (alarms(compare(runs[0]!, to)).length > 0) single++
  }
  t.log(`${several} of ${comparisons} against eight runs, ${single} against one`)
  t.true(several <= 0.05 * comparisons, `${several}`)
  // Of one run nobody knows how much runs differ: what moved everything at once is not counted.
  t.true(single <= 0.05 * comparisons, `${single}`)
})

const trials = 20
const planted: [name: string, phase: string, change: Change][] = [
  ['300 ms in shutdown', 'shutdownMs', (values) => ({ ...values, shutdownMs: values.shutdownMs! + 300 })],
  [
    '30 % more relocation',
    'relocationMs',
    (values) => ({
      ...values,
      relocationMs: values.relocationMs! * 1.3,
      gapMs: values.gapMs! + values.relocationMs! * 0.3,
    }),
  ],
]
for (const [name, phase, change] of planted)
  test(`${name} are caught in each of ${trials} trials, and nothing else is blamed`, (t) => {
    const random = seededRandom(300)
    let others = 0
    for (let trial = 0; trial < trials; trial++) {
      const rows = compare(drawSide('from', 15, random), drawSide('to', 12, random, change))
      const slower = rows.filter(({ verdict }) => verdict === 'slower')
      const right = slower.filter((row) => row.phase === phase)
      t.is(right.length, 2 * 3, `trial ${trial}`)
      // The gap grows by its part.
      others += slower.filter((row) => row.phase !== phase && row.phase !== 'gapMs').length
    }
    t.true(others <= 1, `${others}`)
  })

test(`300 ms in shutdown are caught in each of ${trials} trials against a baseline of five runs of a busy host`, (t) => {
  const random = seededRandom(12)
  const [, , change] = planted[0]!
  let others = 0
  for (let trial = 0; trial < trials; trial++) {
    const runs = Array.from({ length: 5 }, (_, index) => drawLoaded(`run ${index}`, 0.03, random))
    const rows = compare(baselineOf(runs), drawLoaded('to', 0.03, random, change))
    const slower = rows.filter(({ verdict }) => verdict === 'slower')
    t.is(slower.filter(({ phase }) => phase === 'shutdownMs').length, 2 * 3, `trial ${trial}`)
    if (slower.length > 2 * 3) others++
  }
  // What a comparison may raise by chance, it may raise beside what is there.
  t.true(others <= 1, `${others}`)
})

/** A whole run's journal, with what a gate compares it with. */
function journalOf(side: Side, baseline?: RunSummary): JournalEvent[] {
  const journal = new JournalBuilder().start(Object.keys(boards))
  for (const board of Object.keys(boards)) {
    journal.open(board, 'x86_64').plan(board, 'timing', ['times'])
    journal.test(board, 'timing', 'times', (about) => {
      for (const { conditions, runs } of side.groups.filter((group) => group.board === board)) {
        const { relocationMs, ...phases } = runs[0]!.values
        for (const [index, relocation] of relocationMs!.entries())
          journal.cycle(about, {
            ...{ syscall: conditions.syscall!, checks: conditions.checks! },
            phases: Object.fromEntries(
              Object.entries(phases).map(([phase, values]) => [phase, values[index]]),
            ),
            gap: { relocationMs: relocation } as never,
          })
      }
    })
    const before = baseline?.boards.find(({ name }) => name === board)
    if (before)
      journal.add('baseline-consulted', {
        board,
        thresholds: defaultThresholds,
        groups: measuredGroups(before).map((group) => ({
          conditions: group.conditions,
          runs: [{ run: 'the-baseline', startedAt: null, values: phaseValues(group) }],
        })),
        allowed: [],
        slowSince: [],
      })
  }
  return journal.runner('qemu-x86_64').runner('qemu-aarch64').end('passed')
}

test('checks that are switched on are caught by `compare`, in the gap, with what differs', (t) => {
  const random = seededRandom(5)
  let others = 0
  for (let trial = 0; trial < trials; trial++) {
    const unchecked = drawSide('from', 12, random)
    unchecked.groups = unchecked.groups.filter(({ conditions }) => conditions.checks === false)
    const checked = drawSide('to', 12, random, (values) => ({ ...values, gapMs: values.gapMs! + 9_800 }))
    checked.groups = checked.groups.filter(({ conditions }) => conditions === own)
    const slower = compare(unchecked, checked).filter(({ verdict }) => verdict === 'slower')
    const gaps = slower.filter(({ phase }) => phase === 'gapMs')
    t.is(gaps.length, 2)
    t.deepEqual(gaps[0]!.differs, { what: 'checks', from: 'no', to: 'yes' })
    others += slower.length - gaps.length
  }
  t.true(others <= 1, `${others}`)
})

test('the gate fails the run, and says from, to, since when and which phase, with its part', (t) => {
  const random = seededRandom(8)
  const baseline = buildSummary(journalOf(drawSide('from', 15, random)))
  for (const [name, phase, change] of planted) {
    const summary = buildSummary(journalOf(drawSide('to', 12, random, change), baseline))
    t.is(summary.verdict, 'failed', name)
    t.is(summary.exitStatus, 1)
    const board = summary.boards[0]!
    const result = board.tests.find(({ test }) => test === 'is no slower than its baseline')!
    t.is(result.verdict, 'failed')
    const word = { shutdownMs: 'shutdown takes', relocationMs: 'relocation' }[phase]!
    t.regex(
      result.failure!.message,
      new RegExp(`${word}.* instead of .*since 2026-11-21T02-14-09Z-test`),
      name,
    )
    t.regex(result.failure!.message, /baseline: the-baseline/)
    const ids = new Set(summary.findings.map(({ id }) => id))
    t.true(ids.has(phase === 'shutdownMs' ? 'shutdown-regression' : 'gap-regression'), [...ids].join())
  }
})

test('the gate passes a run that is like its baseline', (t) => {
  const random = seededRandom(9)
  const baseline = buildSummary(journalOf(drawSide('from', 15, random)))
  const summary = buildSummary(journalOf(drawSide('to', 12, random), baseline))
  t.is(summary.verdict, 'passed')
  t.is(summary.boards[0]!.comparisons.length, 3 * 6)
  t.deepEqual(summary.findings, [])
})

test('where the gap grew and each part is lost in its noise, the gate names the part that moved with it', (t) => {
  const random = seededRandom(10)
  // Relocation varies by more than it grows, and the gap by far less.
  const sideWith = (name: string, n: number, extraMs: number) => {
    const side = drawSide(name, n, random)
    side.groups = side.groups.filter(({ conditions }) => conditions === own)
    for (const { runs } of side.groups) {
      const values = runs[0]!.values
      values.gapMs = values.gapMs!.map(() => 2000 + extraMs + 5 * normal(random))
      values.relocationMs = values.relocationMs!.map(() => 900 + extraMs + 400 * normal(random))
    }
    return side
  }
  const baseline = buildSummary(journalOf(sideWith('from', 15, 0)))
  const summary = buildSummary(journalOf(sideWith('to', 12, 250), baseline))
  const messages = summary.boards.flatMap(({ tests }) => tests.map(({ failure }) => failure?.message ?? ''))
  t.true(
    messages.some((message) => /gap takes 2\.\d+ s instead of .* in it relocation \d/.test(message)),
    messages.join('\n'),
  )
  t.true(summary.findings.some(({ advice }) => /made gap, relocation slower/.test(advice)))
})
