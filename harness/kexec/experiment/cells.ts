/** The cycles of an experiment by condition, without what a whole block was slower by, and drawn again with their own noise. */
import { median } from 'simple-statistics'
import type { Condition, Observation } from './result.ts'

type Phase = Condition['shownIn']
type Values = ReadonlyMap<string, readonly number[]>

export type Cells = {
  /** What each cycle of a condition took, milliseconds, without its block's share. */
  values(phase: Phase): Values
  /** The median of each condition. */
  medians(phase: Phase): ReadonlyMap<string, number>
  /** By condition: what its cycles differ from their median by, scaled for what fitting took away, and those of its like. */
  noise(phase: Phase): ReadonlyMap<string, readonly number[]>
}

type Observed = Pick<Condition, 'name' | 'append' | 'checks' | 'shownIn'> & {
  observations: readonly Observation[]
}

const phases = ['gapMs', 'startupMs', 'totalMs'] as const

/** Sorts the cycles of an experiment. All count in each phase, as far as they tell of what a block was slower by. */
export function cellsOf(conditions: readonly Observed[]): Cells {
  const of = new Map(phases.map((phase) => [phase, ofPhase(conditions, phase)]))
  return {
    values: (phase) => of.get(phase)!.values,
    medians: (phase) => of.get(phase)!.medians,
    noise: (phase) => of.get(phase)!.noise,
  }
}

function ofPhase(conditions: readonly Observed[], phase: Phase) {
  // What a parameter was added for shows in its own phase alone: a quiet kernel's gap ends nowhere.
  const shown = conditions.filter(({ append, shownIn }) => append === '' || shownIn === phase)
  const rows = shown.flatMap(({ name, checks, observations }) =>
    observations.flatMap(({ block, [phase]: ms }) =>
      ms === undefined || ms <= 0 ? [] : [{ name, checks, block, ms }],
    ),
  )
  const middles = mediansBy(rows, ({ name }) => name)
  // A share and not a time: a host that is busy, or a CPU that is warm, makes all of it longer. Taken of each condition's
  // median, so that a cycle that is missing in a block does not shift the others.
  const slower = mediansBy(
    rows.map(({ name, block, ms }) => ({ block, ms: ms / middles.get(name)! })),
    ({ block }) => block,
  )
  const level = rows.map((row) => ({ ...row, ms: row.ms / slower.get(row.block)! }))
  const medians = mediansBy(level, ({ name }) => name)
  const values = new Map(
    [...Map.groupBy(level, ({ name }) => name)].map(([name, group]) => [name, group.map(({ ms }) => ms)]),
  )
  return { values, medians, noise: noiseOf(level, medians, slower.size) }
}

type Row = { name: string; checks: boolean; block: number; ms: number }

/**
 * Few blocks leave each condition with two or three cycles, which tell too little of their spread alone: those with a digest
 * are drawn from one another, and so are those without. What disturbs a long gap adds up: its variance grows with its length.
 */
function noiseOf(rows: readonly Row[], medians: ReadonlyMap<string, number>, blocks: number) {
  const fitted = medians.size + blocks - 1
  const scale = Math.sqrt(rows.length / Math.max(1, rows.length - fitted))
  const pools = Map.groupBy(rows, ({ checks }) => checks)
  return new Map(
    rows.map(({ name, checks }) => [
      name,
      pools
        .get(checks)!
        .map((row) => (row.ms - medians.get(row.name)!) * scale * likeness(medians, row.name, name)),
    ]),
  )
}

/** What the noise of one condition is to be multiplied by to be that of another. */
function likeness(medians: ReadonlyMap<string, number>, from: string, to: string): number {
  const share = medians.get(to)! / medians.get(from)!
  return share > 0 ? Math.sqrt(share) : 1
}

/** The medians of an experiment that could have been as well: each condition with as many cycles, whose noise is drawn. */
export function drawn(cells: Cells, random: () => number): Pick<Cells, 'medians'> {
  return {
    medians(phase) {
      const noise = cells.noise(phase)
      const medians = cells.medians(phase)
      return new Map(
        [...cells.values(phase)].map(([name, values]) => {
          const pool = noise.get(name)!
          const draw = values.map(() => pool[Math.floor(random() * pool.length)]!)
          return [name, medians.get(name)! + median(draw)]
        }),
      )
    },
  }
}

function mediansBy<Row extends { ms: number }, Key>(
  rows: readonly Row[],
  key: (row: Row) => Key,
): Map<Key, number> {
  return new Map(
    [...Map.groupBy(rows, key)].map(([name, group]) => [name, median(group.map(({ ms }) => ms))]),
  )
}
