/** What a comparison makes of cycles with a regression planted, and of cycles without; the code is that of `npm run compare`. */
import { type ComparedPhase, compareSides, type Side } from '../../history/comparison.ts'
import { isGapPart, measuredGroups, partsBehindGap, phaseValues } from '../../journal/measured.ts'
import type { Thresholds } from '../../stats/compare.ts'
import { shuffled } from '../../stats/random.ts'

type Measured = Parameters<typeof measuredGroups>[0]
export type Cycle = Measured['cycles'][number]
/** Sets of cycles of one board, and what a change between them has to exceed. */
export type Setup = Omit<Measured, 'cycles'> & { thresholds: Thresholds }

/** What is planted, and what it must be seen as. */
export type Expected = {
  /** The phase that grows, or the part of the gap. */
  phase: string
  /** What else truly grows with it, and may be named beside it. */
  also: readonly string[]
}

/** What one comparison said. */
export type Judged = {
  /** What got slower, parts of the gap among it. */
  slower: string[]
  faster: string[]
  /** An alarm on the phase that grew, or on the gap where it is a part of that. */
  caught: boolean
  /** The phase is named; of the gap's parts, it is named first. */
  named: boolean
  /** What was blamed and has nothing to do with it. */
  strangers: string[]
  /** By how much the phase grew, milliseconds; null where it was not measured. */
  growthMs: number | null
  /** How many phases and parts were compared at once. */
  compared: number
}

/** Compares two sets of cycles as two runs. */
export function compareCycles(
  from: readonly Cycle[],
  to: readonly Cycle[],
  { thresholds, ...board }: Setup,
): ComparedPhase[] {
  return compareSides(sideOf('from', from, board), sideOf('to', to, board), () => thresholds)
}

function sideOf(name: string, cycles: readonly Cycle[], board: Omit<Measured, 'cycles'>): Side {
  const groups = measuredGroups({ ...board, cycles }).map((group) => ({
    ...{ board: group.board, conditions: group.conditions, kernels: [] },
    runs: [{ run: name, startedAt: null, values: phaseValues(group) }],
  }))
  return { name, groups }
}

/** Whether a comparison with cycles that have a regression planted says what it must. */
export function judge(rows: readonly ComparedPhase[], { phase, also }: Expected): Judged {
  const having = (verdict: ComparedPhase['verdict']) =>
    rows.filter((row) => row.verdict === verdict).map((row) => row.phase)
  const [slower, faster] = [having('slower'), having('faster')]
  const inGap = isGapPart(phase)
  const parts = partsBehindGap(rows).map((part) => part.phase)
  const first = parts[0] ?? slower.find((one) => isGapPart(one))
  return {
    ...{ slower, faster },
    caught: slower.includes(phase) || (inGap && slower.includes('gapMs')),
    named: inGap ? first === phase : slower.includes(phase),
    strangers: [...slower.filter((one) => one !== phase && !also.includes(one)), ...faster],
    growthMs: rows.find((row) => row.phase === phase)?.shift ?? null,
    compared: rows.length,
  }
}

/** Whether a comparison of a thing with itself says that anything changed. */
export function isAlarm(rows: readonly ComparedPhase[]): boolean {
  return rows.some(({ verdict }) => verdict === 'slower' || verdict === 'faster')
}

/** How many of `count` random draws of `size` of the same cycles raise an alarm anywhere, against `against` others of them. */
export function alarmsOfSplits(
  cycles: readonly Cycle[],
  { size, against, count, random }: { size: number; against: number; count: number; random: () => number },
  setup: Setup,
): number {
  let alarms = 0
  for (let split = 0; split < count; split++) {
    const mixed = shuffled(cycles, random)
    if (isAlarm(compareCycles(mixed.slice(size, size + against), mixed.slice(0, size), setup))) alarms++
  }
  return alarms
}
