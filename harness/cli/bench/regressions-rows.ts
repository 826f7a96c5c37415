/** What the trials come to, as rows of the benchmarks' table. */
import { phaseLabel } from '../../journal/measured.ts'
import { difference, percent } from '../../quantities.ts'
import { shiftBetween } from '../../stats/rank-test.ts'
import { summarize } from '../../stats/summary.ts'
import type { Row } from './benchmark.ts'
import { alarmsOfSplits, type Cycle, compareCycles, isAlarm, type Setup } from './regressions-judge.ts'
import { type Plant, type Sets, type Trial, withoutPlant } from './regressions-plants.ts'

/** As many comparisons of a thing with itself, and the share of them that may raise an alarm. */
const comparisons = 200
const level = 0.05

type Sizes = { cycles: number; setup: Setup }

/** One plant: caught and named in how many trials, and by how much its phase grew. */
export function plantRow(
  plant: Plant,
  trials: readonly Trial[],
  sets: readonly Sets[],
  { cycles }: Sizes,
): Row {
  const own = trials.filter((trial) => trial.plant === plant).map(({ judged }) => judged)
  const count = (test: (judged: (typeof own)[number]) => boolean) => own.filter(test).length
  const [caught, named] = [count((one) => one.caught), count((one) => one.named)]
  const strangers = own.flatMap((one) => one.strangers).map(phaseLabel)
  return {
    benchmark: `regressions: ${plant.name}`,
    figure: `${caught} of ${own.length} caught, ${named} named`,
    bound: `${own.length} of ${own.length}`,
    verdict: caught === own.length && named === own.length ? 'ok' : 'missed',
    n: `${cycles} cycles against ${2 * cycles}`,
    note: [
      `${phaseLabel(plant.phase)} ${growthText(plant, own, sets)}`,
      ...(strangers.length > 0 ? [`blamed beside it: ${strangers.join(', ')}`] : []),
    ].join('; '),
  }
}

function growthText(plant: Plant, own: readonly Trial['judged'][], sets: readonly Sets[]): string {
  const timesOf = (cycles: readonly Cycle[]) => cycles.flatMap((cycle) => timeOf(cycle, plant.phase) ?? [])
  const seen = own.flatMap(({ growthMs }) => growthMs ?? [])
  const [from, to] = [
    sets.flatMap((set) => timesOf(withoutPlant(set))),
    sets.flatMap((set) => timesOf(set.planted.get(plant)!)),
  ]
  if (seen.length === 0 || from.length === 0 || to.length === 0) return 'was not measured'
  const { median, min, max } = summarize(seen)
  const { shift, ci95 } = shiftBetween(from, to)
  const interval = ci95 ? ` (95 %: ${difference(ci95[0])} to ${difference(ci95[1])})` : ''
  const planted = plant.trueMs === null ? '' : `, planted ${difference(plant.trueMs)}`
  return `grew by ${difference(median)} in the median trial (${difference(min)} to ${difference(max)})${planted}; over all cycles ${difference(shift)}${interval} of ${summarize(from).median.toFixed(0)} ms`
}

function timeOf({ phases, gap }: Cycle, phase: string): number | undefined {
  const value = phases[phase] ?? gap?.[phase]
  return typeof value === 'number' ? value : undefined
}

/** What is said where nothing was planted: within the trials, in random splits, and between sets that were taken at different times. */
export function controlRows(
  sets: readonly Sets[],
  { cycles, setup, random }: Sizes & { random: () => number },
): Row[] {
  const alarms = sets.filter((set) => isAlarm(compareCycles(set.normal, set.again, setup))).length
  const all = sets.flatMap(withoutPlant)
  const ofSplits = alarmsOfSplits(all, { size: cycles, count: comparisons, random }, setup)
  const neighbours = sets
    .slice(1)
    .map((set, index) => isAlarm(compareCycles(sets[index]!.normal, set.normal, setup)))
  const n = `${cycles} cycles against ${cycles}`
  return [
    {
      benchmark: 'regressions: nothing, taking turns',
      ...{ figure: `${alarms} alarms in ${sets.length}`, bound: '', verdict: 'info', n },
    },
    {
      benchmark: 'regressions: nothing, random splits',
      figure: `${ofSplits} alarms in ${comparisons} (${percent(ofSplits / comparisons)})`,
      bound: `≤ ${percent(level)}`,
      verdict: ofSplits <= level * comparisons ? 'ok' : 'missed',
      n,
      note: `an alarm is any change of any phase or part; splits of ${all.length} cycles with nothing planted`,
    },
    {
      benchmark: 'regressions: nothing, one trial against the next',
      figure: `${neighbours.filter(Boolean).length} alarms in ${neighbours.length}`,
      ...{ bound: '', verdict: 'info', n },
      note: 'what the host did meanwhile is in it: one run is compared with one',
    },
  ]
}
