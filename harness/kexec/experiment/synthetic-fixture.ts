/** Experiments on a machine that is only a formula, whose truth is known. */
import { seededRandom } from '../../stats/random.ts'
import { orderOf, planExperiment } from './plan.ts'
import type { Condition, GapExperiment } from './result.ts'

/** Milliseconds, and MiB. */
export const truth = {
  movedMiB: 60,
  restMs: 900,
  relocationPerMiB: 4,
  digestPerMiB: 160,
  consoleWaitMs: 250,
  secondaryCpusMs: 120,
  consoleTextMs: 700,
  fileLoadMs: -8_000,
  /** What is not shut down before a crash. */
  shutdownTailMs: 40,
}

export type Noise = {
  seed?: number
  blocks?: number
  /** Standard deviation as a share of a phase's length. */
  share?: number
  /** What each cycle is slower by than the one before it, as a share of the first. */
  drift?: number
  /** Added to the reference in the second block, milliseconds. */
  outlierMs?: number
}

/** Runs the whole plan on the formula. */
export function synthetic(
  { seed = 1, blocks = 3, share = 0.02, drift = 0, outlierMs = 0 }: Noise = {},
  change: (conditions: Condition[]) => Condition[] = (same) => same,
): GapExperiment {
  const { conditions, leftOut } = planExperiment(
    { syscall: 'kexec_load', checks: true, earlyConsole: true },
    {},
  )
  const random = seededRandom(seed)
  const kept = change(conditions).map((one) => ({
    ...one,
    observations: [] as GapExperiment['conditions'][number]['observations'],
  }))
  const each = Array.from({ length: blocks }, (_, index) => index + 1)
  const [crashes, others] = [kept.filter(({ crash }) => crash), kept.filter(({ crash }) => !crash)]
  // As on a board: crashes come after all blocks.
  const turns = [
    ...each.flatMap((block) => orderOf(others, seed, block).map((one) => ({ one, block }))),
    ...each.flatMap((block) => crashes.map((one) => ({ one, block }))),
  ]
  for (const [index, { one, block }] of turns.entries()) {
    const cycle = index + 1
    const off = block === 2 && one.from === null ? outlierMs : 0
    const noisy = (ms: number) => ms * (1 + share * normal(random)) * (1 + drift * cycle) + off
    const gapMs = noisy(gapOf(one))
    const startupMs = noisy(2_000 + (one.append === 'maxcpus=1' ? 0 : truth.secondaryCpusMs))
    const textMs = one.append === 'quiet' ? 0 : truth.consoleTextMs
    one.observations.push({ block, cycle, gapMs, startupMs, totalMs: noisy(gapOf(one) + 4_000 + textMs) })
  }
  const { movedMiB } = truth
  return { reference: 'kexec_load', seed, movedMiB, movedIs: 'segments', conditions: kept, leftOut }
}

function gapOf({ padMiB, checks, earlyConsole, syscall, crash }: Condition): number {
  const mib = truth.movedMiB + padMiB
  return (
    truth.restMs +
    (crash ? -truth.shutdownTailMs : mib * truth.relocationPerMiB) +
    mib * (checks ? truth.digestPerMiB : 0) +
    (earlyConsole ? 0 : truth.consoleWaitMs) +
    (syscall === 'kexec_load' ? 0 : truth.fileLoadMs)
  )
}

/** Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
