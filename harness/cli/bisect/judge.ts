/** What a run says of the kernel that it tested: good, bad, or nothing. */
import { median } from 'simple-statistics'
import { measuredGroups, phaseValues, wayOf } from '../../journal/measured.ts'
import type { BoardSummary, RunSummary } from '../../journal/summary-schema.ts'
import { difference, duration, percent } from '../../quantities.ts'
import { compareAll } from '../../stats/compare.ts'
import type { Criterion, Tried } from './state.ts'

type Verdict = Pick<Tried, 'verdict' | 'why' | 'fault' | 'phases'>

export type JudgeOptions = {
  criterion: Criterion
  /** What the good kernel measured; undefined for that one itself. */
  good?: Tried['phases'] | undefined
  /** Whether another kernel booted cold: its handover is no measurement of the candidate's own. */
  hasOld: boolean
}

/** Judges the only board of a run. A run that was interrupted is not to be judged. */
export function judge(summary: RunSummary, { criterion, good, hasOld }: JudgeOptions): Verdict {
  const board = summary.boards[0]
  const phases = board ? measured(board, hasOld) : {}
  if (summary.verdict === 'error' || !board) return { verdict: 'skipped', ...faultOf(summary), phases }
  if (criterion.type === 'verdict' && summary.verdict === 'passed' && summary.totals.proven === 0)
    return { verdict: 'skipped', why: "nothing was kexec'd: every test was skipped", fault: 'usage', phases }
  if (criterion.type === 'verdict')
    return summary.verdict === 'passed'
      ? { verdict: 'good', why: 'passed', fault: null, phases }
      : { verdict: 'bad', why: whatFailed(board), fault: null, phases }
  const gaps = Object.entries(phases).flatMap(([way, { gapMs }]) => (gapMs ? [{ way, gapMs }] : []))
  if (gaps.length === 0)
    return { verdict: 'skipped', why: `no gap was measured: ${whatFailed(board)}`, fault: 'kexec', phases }
  return { ...byGap(gaps, criterion, good), fault: null, phases }
}

/** The good cycles' phases, by the way of loading. */
function measured(board: BoardSummary, hasOld: boolean): Tried['phases'] {
  const cycles = hasOld ? board.cycles.filter(({ generation }) => (generation ?? 0) > 1) : board.cycles
  const ways: Tried['phases'] = {}
  for (const group of measuredGroups({ ...board, cycles })) ways[wayOf(group.conditions)] = phaseValues(group)
  return ways
}

type Gap = { way: string; gapMs: number[] }

function byGap(
  gaps: readonly Gap[],
  criterion: Exclude<Criterion, { type: 'verdict' }>,
  good: Tried['phases'] | undefined,
): Pick<Tried, 'verdict' | 'why'> {
  const longest = gaps.reduce((most, one) => (median(one.gapMs) > median(most.gapMs) ? one : most))
  const words = ({ way, gapMs }: Gap) =>
    `gap ${duration(median(gapMs))} with ${way}, median of ${gapMs.length}`
  if (criterion.type === 'gap')
    return { verdict: median(longest.gapMs) > criterion.ms ? 'bad' : 'good', why: words(longest) }
  if (!good) return { verdict: 'good', why: words(longest) }
  const common = gaps.filter(({ way }) => good[way]?.gapMs?.length)
  if (common.length === 0)
    return { verdict: 'skipped', why: 'no way of loading in common with the good kernel' }
  const changes = compareAll(
    common.map(({ way, gapMs }) => ({ from: [good[way]!.gapMs!], to: [gapMs], thresholds: criterion })),
  )
  const judged = common.map((gap, index) => ({ gap, change: changes[index]! }))
  const slower = judged.find(({ change }) => change.verdict === 'slower')
  const { gap, change } =
    slower ?? judged.reduce((most, one) => (one.change.shift > most.change.shift ? one : most))
  const by = `${words(gap)}: ${difference(change.shift)} (${percent(change.share)}), p ${change.corrected.toPrecision(2)}`
  if (change.verdict === 'too few cycles') return { verdict: 'skipped', why: `too few cycles to tell: ${by}` }
  return { verdict: slower ? 'bad' : 'good', why: by }
}

/** The first thing that went wrong on the board, in a sentence. */
function whatFailed({ tests, failure }: BoardSummary): string {
  const failed = tests.find(({ verdict }) => verdict === 'failed')
  if (failed)
    return `${failed.suite}, ${failed.test}: ${failed.failure?.message ?? failed.reason ?? 'failed'}`
  return failure?.message ?? "nothing was kexec'd"
}

/** The lab's fault goes before the board's: it says nothing of the kernel. */
function faultOf({ failure, boards }: RunSummary): Pick<Tried, 'why' | 'fault'> {
  const all = [
    failure,
    ...boards.flatMap((board) => [board.failure, ...board.tests.map((test) => test.failure)]),
  ]
  const failures = all.filter((one) => one !== null)
  const first =
    failures.find(({ kind }) => kind === 'lab') ??
    failures.find(({ kind }) => kind !== 'kexec') ??
    failures[0]
  return { why: first?.message ?? 'the run came to no verdict', fault: first?.kind ?? 'lab' }
}
