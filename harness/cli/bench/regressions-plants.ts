/** The regressions that are planted, each as the cycle that has it, and the trials that are made of them. */
import { injecting } from '../../kexec/observe/fault.ts'
import type { Observer } from '../../kexec/observe/observer.ts'
import type { CycleOptions } from '../../kexec/session.ts'
import type { LoadMethod } from '../../loader/loader.ts'
import type { Cycle, Expected, Judged } from './regressions-judge.ts'

/** How a cycle differs from others. */
export type Way = { method: LoadMethod; options: CycleOptions }
export type Plant = Way &
  Expected & {
    name: string
    /** What it takes longer for sure, milliseconds; null where only measuring tells. */
    trueMs: number | null
  }

/** The module that is planted, and how long its shutdown() sleeps. */
export const slowShutdown = { fault: 'slow-shutdown', milliseconds: 300 } as const

const method: LoadMethod = { syscall: 'kexec_load', checks: false, ifdown: true }

/** Cycles with nothing planted, and those that are compared with them. */
export type Planting = { normal: Way; plants: readonly Plant[] }

/** Of the image's own initramfs. */
export const usual: Planting = {
  normal: { method, options: {} },
  plants: [
    {
      name: `${slowShutdown.milliseconds} ms in shutdown`,
      phase: 'shutdownMs',
      also: [],
      trueMs: slowShutdown.milliseconds,
      method,
      options: { observers: [sleeping()] },
    },
    {
      name: 'checks switched on',
      phase: 'purgatoryMs',
      // kexec-tools computes the digest that purgatory checks.
      also: ['gapMs', 'loadMs'],
      trueMs: null,
      method: { ...method, checks: true },
      options: {},
    },
  ],
}

/**
 * The image's own initramfs has 2 MiB, of which 30 % are nothing; it is padded to 30 MiB, which a distribution's has, and to
 * 39: relocation executes some 400,000 instructions for each. Zeros are as much work as anything else for what copies and digests
 * them, and hardly any for what unpacks.
 */
const padMiB = 28
const moreMiB = 9

export const larger: Planting = {
  normal: { method, options: { padInitramfsMiB: padMiB } },
  plants: [
    {
      name: 'initramfs 30 % larger',
      phase: 'relocationMs',
      // It is also read and handed over by the loader, and looked through by the new kernel.
      also: ['gapMs', 'loadMs', 'startupMs'],
      trueMs: null,
      method,
      options: { padInitramfsMiB: padMiB + moreMiB },
    },
  ],
}

function sleeping(): Observer {
  const { fault: name, milliseconds } = slowShutdown
  return injecting({ name, aimed: false, parameters: [`milliseconds=${milliseconds}`] }, undefined)
}

/** The cycles of each trial. */
export type Sets = { normal: Cycle[]; planted: Map<Plant, Cycle[]> }

/** All cycles that have nothing planted. */
export function withoutPlant(sets: readonly Sets[]): Cycle[] {
  return sets.flatMap(({ normal }) => normal)
}

const trialsAround = 3

/** The cycles with nothing planted of this trial and of those around it: what the host did meanwhile befell all of them. */
export function baselineOf(sets: readonly Sets[], index: number): Cycle[] {
  const first = Math.max(0, Math.min(index - trialsAround, sets.length - 2 * trialsAround - 1))
  return withoutPlant(sets.slice(first, first + 2 * trialsAround + 1))
}

/** One comparison of a trial's cycles that have a plant with those around them that have none. */
export type Trial = { plant: Plant; judged: Judged }
