/** What the differences between an experiment's cycles come to: what each thing costs, and how sure that is. */
import { linearRegression, median, quantileSorted } from 'simple-statistics'
import { seededRandom } from '../../stats/random.ts'
import type { GapPart } from '../outcome.ts'
import { type Cells, cellsOf, drawn } from './cells.ts'
import {
  type Estimate,
  type EstimateName,
  type ExperimentResult,
  estimateNames,
  type GapExperiment,
} from './result.ts'

const seed = 20_261_122
const resamples = 2_000

/** Medians of a phase by condition. */
type Medians = ReadonlyMap<string, number>
type Slope = 'purgatoryPerMiB' | 'relocationPerMiB' | 'referencePerMiB' | 'uncheckedPerMiB'
type Figures = Partial<Record<EstimateName | Slope, number>>

/**
 * Estimates what the parts of the gap cost. Each condition is stood for by its median, from which what a whole block was
 * slower by is taken off first; slopes are ordinary least squares over these. Intervals are 95 % percentile intervals of a
 * seeded bootstrap. Undefined where the reference has no cycle with a gap.
 */
export function estimateGap(experiment: GapExperiment): Omit<ExperimentResult, 'suite' | 'test'> | undefined {
  const cells = cellsOf(experiment.conditions)
  const medians = cells.medians('gapMs')
  const gapMs = medians.get('reference')
  if (gapMs === undefined) return undefined
  const found = figures(experiment, cells)
  const numbers = experiment.conditions.map(({ observations }) => observations)
  const several = numbers.some(({ length }) => length > 1)
  const spread = several ? spreadOf(experiment, cells) : undefined
  return {
    reference: experiment.reference,
    blocks: Math.max(...numbers.flat().map(({ block }) => block)),
    cycles: numbers.flat().length,
    gapMs,
    movedMiB: experiment.movedMiB,
    movedIs: experiment.movedIs,
    withDigest: hasDigest(experiment),
    estimates: estimateNames.flatMap((name) => estimateOf(experiment, { name, gapMs, found, spread })),
    lines: linesOf(experiment, cells, spread),
    relocations: relocationsOf(experiment),
    leftOut: experiment.leftOut,
  }
}

type Known = {
  name: EstimateName
  gapMs: number
  found: Figures
  spread: ReadonlyMap<string, [number, number]> | undefined
}

function estimateOf(experiment: GapExperiment, { name, gapMs, found, spread }: Known): Estimate[] {
  const ms = found[name]
  if (ms === undefined) return []
  const judged = (figure: keyof Figures, value: number) => {
    const ci95 = spread?.get(figure) ?? null
    return { ms: value, ci95, told: ci95 === null || ci95[0] > 0 || ci95[1] < 0 }
  }
  const slope = name === 'purgatory' || name === 'relocation' ? (`${name}PerMiB` as const) : undefined
  const perMiB = slope && found[slope]
  const directMs = directOf(experiment, name)
  return [
    {
      ...{ name, ...judged(name, ms) },
      perMiB: perMiB === undefined ? null : judged(slope!, perMiB),
      direct: directMs === undefined ? null : { ms: directMs, offOfGap: Math.abs(ms - directMs) / gapMs },
    },
  ]
}

/** Whether the line that relocation is told from has a digest in it. */
function hasDigest({ conditions }: GapExperiment): boolean {
  return conditions.every(({ checks }) => checks)
}

/** The condition without padding whose gap is the shortest, from which what has nothing to do with the digest is told. */
function quickest(experiment: GapExperiment): 'reference' | 'unchecked' {
  return hasDigest(experiment) ? 'reference' : 'unchecked'
}

/** Everything that differences tell, from medians alone; what has no condition is left out. */
function figures(experiment: GapExperiment, { medians }: Pick<Cells, 'medians'>): Figures {
  const gaps = medians('gapMs')
  const slope = (line: string) => fitOf(experiment, gaps, line)?.perMiB
  const reference = gaps.get('reference')
  const purgatory = minus(reference, gaps.get('unchecked'))
  const relocationPerMiB = slope(quickest(experiment))
  const relocation =
    experiment.movedMiB === null || relocationPerMiB === undefined
      ? undefined
      : relocationPerMiB * experiment.movedMiB
  const early = experiment.conditions[0]!.earlyConsole
  const base = quickest(experiment)
  const waits = minus(gaps.get('early-console'), gaps.get(base))
  const consoleWait = waits === undefined || early ? waits : -waits
  return known({
    purgatory,
    purgatoryPerMiB: hasDigest(experiment) ? undefined : minus(slope('reference'), relocationPerMiB),
    relocation,
    relocationPerMiB,
    referencePerMiB: slope('reference'),
    uncheckedPerMiB: slope('unchecked'),
    consoleWait,
    rest: minus(minus(minus(reference, purgatory ?? 0), relocation), early ? 0 : (consoleWait ?? 0)),
    syscall: minus(gaps.get('file-load'), reference),
    crashKernel: minus(gaps.get('crash-kernel'), gaps.get(base)),
    secondaryCpus: minus(medians('startupMs').get(base), medians('startupMs').get('one-cpu')),
    consoleText: minus(medians('totalMs').get(base), medians('totalMs').get('quiet')),
  })
}

function minus(from: number | undefined, what: number | undefined): number | undefined {
  return from === undefined || what === undefined ? undefined : from - what
}

function known(figures: { [name in keyof Figures]: number | undefined }): Figures {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined))
}

/** A line through the conditions that differ in the initramfs alone; undefined where there are not two of them. */
function fitOf(
  experiment: GapExperiment,
  gaps: Medians,
  line: string,
): { interceptMs: number; perMiB: number } | undefined {
  const points = onLine(experiment, line).flatMap(({ name, padMiB }) => {
    const gapMs = gaps.get(name)
    return gapMs === undefined ? [] : [[padMiB, gapMs]]
  })
  if (points.length < 2) return undefined
  const { m, b } = linearRegression(points)
  return { interceptMs: b, perMiB: m }
}

const lineNames = ['reference', 'unchecked'] as const

/** The conditions that differ in the initramfs alone. */
function onLine({ conditions }: GapExperiment, line: string): GapExperiment['conditions'] {
  return conditions.filter(({ name, from, padMiB }) => name === line || (padMiB > 0 && from === line))
}

function wayOf({ reference, conditions }: GapExperiment, line: string): string {
  return line === 'reference' ? reference : `${conditions[0]!.syscall} --no-checks`
}

function linesOf(
  experiment: GapExperiment,
  { values, medians }: Cells,
  spread: Known['spread'],
): ExperimentResult['lines'] {
  return lineNames.flatMap((line) => {
    const on = onLine(experiment, line)
    if (!on.some(({ padMiB }) => padMiB > 0)) return []
    const points = on.flatMap(({ name, padMiB }) =>
      (values('gapMs').get(name) ?? []).map((gapMs) => ({ padMiB, gapMs })),
    )
    const fit = fitOf(experiment, medians('gapMs'), line)
    const ci95 = spread?.get(`${line}PerMiB`) ?? null
    return [{ way: wayOf(experiment, line), points, fit: fit ? { ...fit, ci95 } : null }]
  })
}

function relocationsOf(experiment: GapExperiment): ExperimentResult['relocations'] {
  return lineNames.flatMap((line) =>
    onLine(experiment, line).flatMap(({ padMiB, observations }) =>
      observations.flatMap(({ parts }) =>
        typeof parts?.relocationMs === 'number'
          ? [{ way: wayOf(experiment, line), padMiB, relocationMs: parts.relocationMs }]
          : [],
      ),
    ),
  )
}

/** 95 % intervals of every figure, by drawing what the cycles differ from their condition by again and again. */
function spreadOf(experiment: GapExperiment, cells: Cells): Map<string, [number, number]> {
  const random = seededRandom(seed)
  const all = new Map<string, number[]>()
  for (let round = 0; round < resamples; round++)
    for (const [name, value] of Object.entries(figures(experiment, drawn(cells, random)))) {
      const values = all.get(name) ?? []
      values.push(value)
      all.set(name, values)
    }
  return new Map(
    [...all].map(([name, values]) => {
      const sorted = values.toSorted((one, other) => one - other)
      return [name, [quantileSorted(sorted, 0.025), quantileSorted(sorted, 0.975)]]
    }),
  )
}

/**
 * From the kernel proper to its first message on the console. Not the wait alone: its beginning is told from the stamps of
 * printk, which stand still until the kernel has found its clock.
 */
const toFirstMessage: readonly GapPart[] = ['earlyKernelMs', 'consoleWaitMs']

/** What breakpoints say of the same; undefined where nothing was looked into, or where they can't tell. */
function directOf(experiment: GapExperiment, name: EstimateName): number | undefined {
  const { conditions } = experiment
  const reference = conditions[0]!
  const part = (of: string, parts: readonly GapPart[]) =>
    middle(
      conditions
        .filter((one) => one.name === of)
        .flatMap(({ observations }) => observations.map((one) => sumOf(one.parts, parts))),
    )
  if (name === 'purgatory') return part('reference', ['purgatoryMs'])
  if (name === 'relocation') return part('reference', ['relocationMs'])
  if (name === 'consoleWait') {
    const both = ['early-console', quickest(experiment)] as const
    const [without, having] = reference.earlyConsole ? both : both.toReversed()
    return minus(part(without!, toFirstMessage), part(having!, toFirstMessage))
  }
  if (name !== 'rest') return undefined
  const wait: readonly GapPart[] = reference.earlyConsole ? ['consoleWaitMs'] : []
  return part('reference', ['shutdownTailMs', 'decompressMs', 'earlyKernelMs', ...wait])
}

/** Undefined where none of the parts was measured: a part that a kernel does not have takes no time. */
function sumOf(
  parts: Partial<Record<GapPart, number | null>> | undefined,
  names: readonly GapPart[],
): number | undefined {
  const values = names.flatMap((name) => {
    const value = parts?.[name]
    return typeof value === 'number' ? [value] : []
  })
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value)
}

function middle(values: readonly (number | undefined)[]): number | undefined {
  const numbers = values.filter((value) => value !== undefined)
  return numbers.length === 0 ? undefined : median(numbers)
}
