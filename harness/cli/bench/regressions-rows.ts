/** What the trials come to, as rows of the benchmarks' table. */
import { phaseLabel } from '../../journal/measured.ts'
import { difference, percent } from '../../quantities.ts'
import { shiftBetween } from '../../stats/rank-test.ts'
import { summarize } from '../../stats/summary.ts'
import type { Row } from './benchmark.ts'
import { alarmsOfSplits, type Cycle, type Setup } from './regressions-judge.ts'
import { baselineOf, type Plant, type Sets, type Trial, withoutPlant } from './regressions-plants.ts'

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
    n: `${cycles} cycles against ${baselineOf(sets, 0).length}`,
    note: [
      `${phaseLabel(plant.phase)} ${growthText(plant, own, sets)}`,
      ...(strangers.length > 0 ? [`blamed beside it: ${strangers.join(', ')}`] : []),
    ].join('; '),
  }
}

function growthText(plant: Plant, own: readonly Trial['judged'][], sets: readonly Sets[]): string {
  const timesOf = (cycles: readonly Cycle[]) => cycles.flatMap((cycle) => timeOf(cycle, plant.phase) ?? [])
  const seen = own.flatMap(({ growthMs }) => growthMs ?? [])
  const [from, to] = [timesOf(withoutPlant(sets)), sets.flatMap((set) => timesOf(set.planted.get(plant)!))]
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

/** What is said where nothing was planted: random draws of those cycles, against as many others as a trial is compared with. */
export function controlRow(
  sets: readonly Sets[],
  { cycles, setup, random }: Sizes & { random: () => number },
): Row {
  const normal = withoutPlant(sets)
  const size = Math.min(cycles, Math.floor(normal.length / 2))
  const against = Math.min(baselineOf(sets, 0).length, normal.length - size)
  const alarms = alarmsOfSplits(normal, { size, against, count: comparisons, random }, setup)
  return {
    benchmark: 'regressions: nothing planted',
    figure: `${alarms} alarms in ${comparisons} (${percent(alarms / comparisons)})`,
    bound: `≤ ${percent(level)}`,
    verdict: alarms <= level * comparisons ? 'ok' : 'missed',
    n: `${size} cycles against ${against}`,
    note: `an alarm is any change of any phase or part; random draws of ${normal.length} cycles`,
  }
}
