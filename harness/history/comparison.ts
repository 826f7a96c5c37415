/** Two measurements side by side: what may be compared is paired, and each phase of it is judged. */
import {
  type Conditions,
  comparablePhases,
  conditions,
  conditionsKey,
  judgedAs,
  measuredGroups,
  phaseValues,
} from '../journal/measured.ts'
import type { RunSummary } from '../journal/summary-schema.ts'
import { type Change, compareAll, type Thresholds } from '../stats/compare.ts'
import type { StoredGroup } from './history.ts'

/** One side of a comparison: a run, or the baselines of boards. */
export type Side = { name: string; groups: StoredGroup[] }

/** What a run measured, warm-ups left out. */
export function sideOf(summary: RunSummary): Side {
  const { run, startedAt, boards } = summary
  const groups = boards.flatMap(measuredGroups).map((group) => ({
    board: group.board,
    conditions: group.conditions,
    kernels: [...new Set(group.cycles.map(({ kernel }) => kernel).filter((name) => name !== null))],
    runs: [{ run, startedAt, values: phaseValues(group) }],
  }))
  return { name: run, groups }
}

/** The one condition in which two groups differ that are compared all the same. */
type Difference = { what: string; from: string; to: string }

export type ComparedPhase = Change & {
  board: string
  conditions: Conditions
  differs: Difference | null
  phase: string
  /** The runs of each side, oldest first. */
  runs: { from: string[]; to: string[] }
  /** When the newest run before and the oldest run after began, ISO 8601. */
  between: { after: string | null; before: string | null }
}

/**
 * Compares each phase of what both sides measured under the same conditions. What has no partner there is compared with what
 * differs in one condition only, such as the kernel or the checks, and says so.
 */
export function compareSides(
  from: Side,
  to: Side,
  thresholdsOf: (board: string) => Thresholds,
): ComparedPhase[] {
  const rows = pair(from.groups, to.groups).flatMap(({ before, after, differs }) => {
    const merged = (group: StoredGroup) => Object.assign({}, ...group.runs.map(({ values }) => values))
    return comparablePhases(merged(before), merged(after)).map((phase) => {
      const having = (group: StoredGroup) => group.runs.filter(({ values }) => values[phase]?.length)
      const [old, now] = [having(before), having(after)]
      return {
        ...{ board: after.board, conditions: after.conditions, differs, phase },
        runs: { from: old.map(({ run }) => run), to: now.map(({ run }) => run) },
        between: { after: old.at(-1)?.startedAt ?? null, before: now[0]?.startedAt ?? null },
        pair: {
          from: old.map(({ values }) => values[phase]!),
          to: now.map(({ values }) => values[phase]!),
          ...judgedAs(after.board, after.conditions, phase, merged(after), thresholdsOf(after.board)),
        },
      }
    })
  })
  const changes = compareAll(rows.map((row) => row.pair))
  return rows.map(({ pair: _pair, ...row }, index) => ({ ...row, ...changes[index]! }))
}

type Paired = { before: StoredGroup; after: StoredGroup; differs: Difference | null }

function pair(from: readonly StoredGroup[], to: readonly StoredGroup[]): Paired[] {
  const keyOf = ({ board, conditions: of }: StoredGroup) => JSON.stringify([board, conditionsKey(of)])
  const known = new Map(from.map((group) => [keyOf(group), group]))
  const left = new Set(from)
  const pairs = new Map<StoredGroup, Paired>()
  for (const after of to) {
    const before = known.get(keyOf(after))
    if (!before) continue
    left.delete(before)
    pairs.set(after, { before, after, differs: null })
  }
  for (const after of to) {
    if (pairs.has(after)) continue
    for (const before of left) {
      const differs = differencesOf(before, after)
      if (differs.length !== 1) continue
      left.delete(before)
      pairs.set(after, { before, after, differs: differs[0]! })
      break
    }
  }
  return to.flatMap((group) => pairs.get(group) ?? [])
}

function differencesOf(before: StoredGroup, after: StoredGroup): Difference[] {
  const names = conditions.keyof().options
  const all = [
    { what: 'board', from: before.board, to: after.board },
    ...names.map((name) => ({
      what: name,
      from: text(before.conditions[name]),
      to: text(after.conditions[name]),
    })),
  ]
  return all.filter((one) => one.from !== one.to)
}

function text(value: string | boolean | null): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return value ?? 'unknown'
}
