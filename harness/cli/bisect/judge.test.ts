import test from 'ava'
import { buildSummary } from '../../journal/summary.ts'
import { JournalBuilder } from '../../journal/summary-fixture.ts'
import type { RunSummary } from '../../journal/summary-schema.ts'
import { judge } from './judge.ts'
import type { Criterion } from './state.ts'

const board = 'qemu-x86_64'
const verdict: Criterion = { type: 'verdict' }
const slower: Criterion = { type: 'slower', share: 0.2, ms: 0 }
const alone = { hasOld: false }

/** A run of one test, whose cycles had these gaps, and which failed where that is said. */
function runWith(gapsMs: readonly number[], failed?: 'kexec' | 'board' | 'lab'): RunSummary {
  const journal = new JournalBuilder().start([board]).open(board).plan(board, 'timing', ['t'])
  const end = failed && {
    verdict: failed === 'kexec' ? ('failed' as const) : ('error' as const),
    failure: { kind: failed, message: 'no new-kernel output within 30 s' },
  }
  journal.test(
    board,
    'timing',
    't',
    (one) => {
      for (const gapMs of gapsMs) journal.cycle(one, { checks: false, phases: { gapMs } })
    },
    end,
  )
  return buildSummary(journal.runner(board, failed ? 1 : 0).end(end ? end.verdict : 'passed'))
}

test('passed is good, failed is bad with its message, and what the board or the lab did is neither', (t) => {
  const of = (summary: RunSummary) => judge(summary, { criterion: verdict, ...alone })
  t.like(of(runWith([100])), { verdict: 'good', fault: null })
  t.like(of(runWith([], 'kexec')), {
    ...{ verdict: 'bad', fault: null },
    why: 'timing, t: no new-kernel output within 30 s',
  })
  t.like(of(runWith([], 'board')), { verdict: 'skipped', fault: 'board' })
  t.like(of(runWith([], 'lab')), { verdict: 'skipped', fault: 'lab' })
})

test('a run that passed without a kexec says nothing', (t) => {
  t.like(judge(runWith([]), { criterion: verdict, ...alone }), { verdict: 'skipped' })
})

test('a median gap beyond the bound is bad, whatever its largest value', (t) => {
  const of = (gapsMs: number[]) => judge(runWith(gapsMs), { criterion: { type: 'gap', ms: 500 }, ...alone })
  t.like(of([100, 110, 9000]), {
    verdict: 'good',
    why: 'gap 110 ms with kexec_load --no-checks, median of 3',
  })
  t.like(of([100, 600, 610]), { verdict: 'bad' })
})

test('a kernel whose gap could not be measured is not known to be slow', (t) => {
  const { verdict, why } = judge(runWith([], 'kexec'), { criterion: { type: 'gap', ms: 500 }, ...alone })
  t.is(verdict, 'skipped')
  t.regex(why, /no gap was measured: timing, t: no new-kernel output/)
})

test('slower than the good kernel is bad where it is more than the noise and more than the share', (t) => {
  const { phases } = judge(runWith([100, 101, 102, 103, 104]), { criterion: slower, ...alone })
  const of = (gapsMs: number[]) => judge(runWith(gapsMs), { criterion: slower, good: phases, ...alone })
  t.like(of([150, 151, 152, 153, 154]), { verdict: 'bad' })
  t.like(of([110, 111, 112, 113, 114]), { verdict: 'good' })
  t.like(of([50, 51, 52, 53, 54]), { verdict: 'good' })
  t.like(of([90, 200, 95, 190, 100]), { verdict: 'good' })
  t.like(of([150, 151]), { verdict: 'skipped' })
})

test('where another kernel booted cold, its own handover is not measured', (t) => {
  const { phases } = judge(runWith([900, 100, 110]), { criterion: { type: 'gap', ms: 500 }, hasOld: true })
  t.deepEqual(phases['kexec_load --no-checks']!.gapMs, [100, 110])
})
