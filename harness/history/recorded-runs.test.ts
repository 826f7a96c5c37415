/** What comparisons say of real cycles of which nothing changed, with the noise and the drift that a shared machine has. */
import test from 'ava'
import type { Conditions } from '../journal/measured.ts'
import { defaultThresholds } from '../stats/compare.ts'
import { seededRandom } from '../stats/random.ts'
import { type ComparedPhase, compareSides, type Side } from './comparison.ts'
import { recordedRuns } from './recorded-runs-fixture.ts'

const emulated: Conditions = {
  ...{ suite: 'stress', accelerator: 'tcg', kernel: '6.1 cloud-amd64', loader: 'kexec-tools' },
  ...{ syscall: 'kexec_load', checks: false, noIfdown: false, entry: null, append: '' },
}
const real: Conditions = { ...emulated, accelerator: null }

type Run = (typeof recordedRuns)[number]

/** Those cycles of a run, as a run of their own; `change` is done to each phase. */
function sideOf(
  { board, values }: Run,
  cycles: readonly number[],
  conditions = emulated,
  change = (_phase: string, ms: number) => ms,
): Side {
  const picked = Object.entries(values).map(([phase, all]) => [
    phase,
    cycles.map((cycle) => change(phase, all[cycle]!)),
  ])
  const runs = [{ run: 'run', startedAt: null, values: Object.fromEntries(picked) }]
  return { name: 'run', groups: [{ board, conditions, kernels: [], runs }] }
}

const compare = (from: Side, to: Side) => compareSides(from, to, () => defaultThresholds)
const changed = (rows: readonly ComparedPhase[]) => rows.filter(({ verdict }) => verdict !== 'no change')

const cyclesOf = ({ values }: Run) => [...values.gapMs.keys()]
/** The first cycle of a run touches memory that the host has to find first. */
const warm = (run: Run) => cyclesOf(run).slice(1)

function shuffled(items: readonly number[], random: () => number): number[] {
  return items
    .map((item) => ({ item, order: random() }))
    .sort((left, right) => left.order - right.order)
    .map(({ item }) => item)
}

test('200 comparisons of a real run with itself raise an alarm about any phase in at most 5 %', (t) => {
  const random = seededRandom(2026)
  for (const conditions of [emulated, real]) {
    let raised = 0
    for (let comparison = 0; comparison < 200; comparison++) {
      const run = recordedRuns[comparison % recordedRuns.length]!
      const mixed = shuffled(cyclesOf(run), random)
      const half = Math.floor(mixed.length / 2)
      const [from, to] = [mixed.slice(0, half), mixed.slice(half)]
      if (changed(compare(sideOf(run, from, conditions), sideOf(run, to, conditions))).length > 0) raised++
    }
    t.log(`${raised} of 200, ${conditions.accelerator === null ? 'a real board' : 'an emulated board'}`)
    t.true(raised <= 10, `${raised}`)
  }
})

test('where the host becomes busier within a run, or between two, nothing is said of emulated boards', (t) => {
  let asIfReal = 0
  let compared = 0
  const judge = (from: Side, to: Side, about: string) => {
    t.deepEqual(
      changed(compare(from, to)).map(({ phase }) => phase),
      [],
      about,
    )
  }
  for (const run of recordedRuns) {
    const [first, second] = [warm(run).slice(0, 9), warm(run).slice(9)]
    judge(sideOf(run, first), sideOf(run, second), `halves of ${run.board} ${run.run}`)
    for (const later of recordedRuns.filter((other) => other.board === run.board && other.run > run.run)) {
      judge(sideOf(run, warm(run)), sideOf(later, warm(later)), `${run.board}, ${run.run} and ${later.run}`)
      compared++
      if (changed(compare(sideOf(run, warm(run), real), sideOf(later, warm(later), real))).length > 0)
        asIfReal++
    }
  }
  t.log(`of ${compared} pairs of runs, ${asIfReal} would be said to differ if the host were no part of it`)
  t.true(asIfReal > 0)
})

test('what a phase takes longer by itself is seen, however busy the host was', (t) => {
  for (const run of recordedRuns)
    for (const later of recordedRuns.filter((other) => other.board === run.board)) {
      // More than the others moved: twice of that, and the board's own noise.
      const slower = (phase: string, ms: number) => (phase === 'startupMs' ? ms * 8 : ms)
      const rows = compare(sideOf(run, warm(run)), sideOf(later, warm(later), emulated, slower))
      t.deepEqual(
        changed(rows).map(({ phase, verdict }) => [phase, verdict]),
        [['startupMs', 'slower']],
        `${run.board}, ${run.run} and ${later.run}`,
      )
    }
})
