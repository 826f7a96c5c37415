/** What a run measured, sorted by the conditions under which values may be compared with those of another run. */
import { z } from 'zod'
import { type GapPart, gapPartNames } from '../kexec/outcome.ts'
import type { Pair, Thresholds } from '../stats/compare.ts'
import { phasesAndParts } from './phase-names.ts'

/** Values that were measured under the same conditions may be compared; the board's name is beside them. */
export const conditions = z.object({
  suite: z.string(),
  accelerator: z.string().nullable(),
  /** The kernel's line and flavour, such as `6.1 cloud-amd64`: newer packages of one line are compared. */
  kernel: z.string().nullable(),
  loader: z.string(),
  syscall: z.enum(['kexec_load', 'kexec_file_load']).nullable(),
  checks: z.boolean().nullable(),
  noIfdown: z.boolean().nullable(),
  /** How an entry of a bootloader's menu was chosen, with what was edited; null without a menu. */
  entry: z.string().nullable(),
  /** What the board's owner adds to the command line of every kernel. */
  append: z.string(),
})
export type Conditions = z.infer<typeof conditions>

/** Milliseconds by the name of the phase, or of a part of the gap: `relocationMs` and others. */
const values = z.record(z.string(), z.number())

/** The cycles of one run that share their conditions. */
export type MeasuredGroup = {
  board: string
  conditions: Conditions
  cycles: { cycle: number; warmup: boolean; kernel: string | null; values: z.infer<typeof values> }[]
}

/** What of a cycle matters here; a `CycleSummary` is one. */
type Cycle = Pick<Conditions, 'suite' | 'loader' | 'syscall' | 'checks' | 'noIfdown'> & {
  cycle: number
  kernel: string | null
  verdict: string
  proven: boolean
  warmup: boolean
  choice: { by: string; edit?: string | undefined } | null
  phases: Record<string, number | undefined>
  gap: Record<string, unknown> | null
}

type Board = { name: string; accelerator: string | null; append: string; cycles: readonly Cycle[] }

/** The good cycles of a board by their conditions, warm-ups among them. */
export function measuredGroups({ name, accelerator, append, cycles }: Board): MeasuredGroup[] {
  const good = cycles.filter(({ verdict, proven }) => verdict === 'passed' && proven)
  const groups = new Map<string, MeasuredGroup>()
  for (const cycle of good) {
    const { suite, loader, syscall, checks, noIfdown, choice } = cycle
    const kernel = cycle.kernel === null ? null : kernelLine(cycle.kernel)
    const entry = choice && [choice.by, ...(choice.edit === undefined ? [] : [choice.edit])].join(': ')
    const shared = { suite, accelerator, kernel, loader, syscall, checks, noIfdown, entry, append }
    const key = conditionsKey(shared)
    const group = groups.get(key) ?? { board: name, conditions: shared, cycles: [] }
    groups.set(key, group)
    group.cycles.push({
      ...{ cycle: cycle.cycle, warmup: cycle.warmup, kernel: cycle.kernel },
      values: { ...known(cycle.phases), ...gapParts(cycle.gap) },
    })
  }
  return [...groups.values()]
}

/** The values of each phase of a group, without warm-ups. */
export function phaseValues({ cycles }: Pick<MeasuredGroup, 'cycles'>): Record<string, number[]> {
  const all: Record<string, number[]> = {}
  for (const { values, warmup } of cycles) {
    if (warmup) continue
    for (const [phase, ms] of Object.entries(values)) {
      all[phase] ??= []
      all[phase].push(ms)
    }
  }
  return all
}

/**
 * What of a baseline a group is compared with: what was measured under the same conditions, or else with checks instead of
 * without, or the other way round, where the run measured only one of them: somebody switched them.
 */
export function baselineFor<T extends { conditions: Conditions }>(
  { conditions: own }: Pick<MeasuredGroup, 'conditions'>,
  measured: readonly Pick<MeasuredGroup, 'conditions'>[],
  baseline: readonly T[],
): T | undefined {
  const find = <U extends { conditions: Conditions }>(all: readonly U[], wanted: Conditions) =>
    all.find((one) => conditionsKey(one.conditions) === conditionsKey(wanted))
  const switched = own.checks === null ? undefined : { ...own, checks: !own.checks }
  return find(baseline, own) ?? (switched && !find(measured, switched) ? find(baseline, switched) : undefined)
}

/** The same text for the same conditions. */
export function conditionsKey(of: Conditions): string {
  return JSON.stringify(conditions.keyof().options.map((name) => of[name]))
}

/** Where the gap went, as far as anything measured it. */
function gapParts(gap: Record<string, unknown> | null): Record<string, number> {
  return known(Object.fromEntries(gapPartNames.map((name) => [name, gap?.[name]])))
}

function known(all: Record<string, unknown>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(all).filter(
      (entry): entry is [string, number] => entry[0].endsWith('Ms') && Number.isFinite(entry[1]),
    ),
  )
}

/**
 * The phases of two measurements that can be compared, in the order of a cycle, parts of the gap after it. Sums of phases are
 * left out: they would only say the same twice.
 */
export function comparablePhases(from: Record<string, unknown>, to: Record<string, unknown>): string[] {
  return phasesAndParts.filter((phase) => phase in from && phase in to)
}

/** Whether a phase is one of those that a gap is made of. */
export function isGapPart(phase: string): phase is GapPart {
  return (gapPartNames as readonly string[]).includes(phase)
}

/** What a change of time has to exceed is so many times what a change of instructions has to: they have no noise. */
const countedDivisor = 10

/**
 * How a phase is judged that was measured under these conditions, when the parts of the gap among `values` were measured too: by
 * which thresholds, and with what else its host may have slowed it down.
 */
export function judgedAs(
  board: string,
  { accelerator }: Pick<Conditions, 'accelerator'>,
  phase: string,
  values: Record<string, unknown>,
  { share, ms }: Thresholds,
): Pick<Pair, 'thresholds' | 'shared' | 'isPart'> {
  const isPart = isGapPart(phase)
  // The gap is counted where its borders were followed.
  const counted = accelerator === 'icount' && (isPart || (phase === 'gapMs' && 'relocationMs' in values))
  return {
    thresholds: counted ? { share: share / countedDivisor, ms: ms / countedDivisor } : { share, ms },
    // The host that emulates a board is busier at one time than at another.
    shared: accelerator === null || counted ? undefined : board,
    isPart,
  }
}

type Shifted = { phase: string; verdict: string; shift: number }

/**
 * What made the gap of these comparisons as it is now: its parts that changed as the gap did or, where each of them is lost in
 * its noise, the one that moved by at least half of what the gap did. Empty where the gap did not change.
 */
export function partsBehindGap<T extends Shifted>(rows: readonly T[]): T[] {
  const gap = rows.find(({ phase }) => phase === 'gapMs')
  if (gap?.verdict !== 'slower' && gap?.verdict !== 'faster') return []
  const parts = rows.filter(({ phase }) => isGapPart(phase))
  const changed = parts.filter(({ verdict }) => verdict === gap.verdict)
  if (changed.length > 0) return changed.toSorted((one, other) => Math.abs(other.shift) - Math.abs(one.shift))
  return parts.filter(({ shift }) => shift / gap.shift >= 0.5).slice(0, 1)
}

/**
 * The line of a kernel's release: its first two numbers and its flavour, `6.1 cloud-amd64` of `6.1.0-56-cloud-amd64`. What
 * changes from build to build is left out: patch and package numbers, `rc3`, `g1234abc`, `dirty`, `+deb14`.
 */
export function kernelLine(release: string): string {
  const [version = '', ...rest] = release.split('-')
  const line = /^\d+\.\d+/.exec(version)?.[0]
  if (line === undefined) return release
  const flavour = rest.filter((part) => !/^(\d.*|rc\d+|g[0-9a-f]{7,}|dirty)\+?$/.test(part))
  return flavour.length === 0 ? line : `${line} ${flavour.join('-')}`
}

/** How the kernel was loaded, in kexec-tools' words: `kexec_load --no-checks`. */
export function wayOf({
  loader,
  syscall,
  checks,
  noIfdown,
}: Pick<Conditions, 'loader' | 'syscall' | 'checks' | 'noIfdown'>): string {
  return [
    ...(loader === 'kexec-tools' ? [] : [loader]),
    ...(syscall ? [syscall] : []),
    ...(checks === false ? ['--no-checks'] : []),
    ...(noIfdown ? ['-x'] : []),
  ].join(' ')
}

/** A phase as people call it: `shutdown` of `shutdownMs`. */
export function phaseLabel(phase: string): string {
  if (phase === 'decompressMs') return 'decompressor'
  return phase.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}
