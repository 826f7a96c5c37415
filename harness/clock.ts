/** Time comes in through a clock, so that tests can replace it. */
import { setTimeout as sleepTimer } from 'node:timers/promises'

export type Clock = {
  /** CLOCK_MONOTONIC in nanoseconds. */
  nowNs(): bigint
  /** Resolves after `ms` milliseconds; rejects with an AbortError when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** The host's monotonic clock, the one that console bytes are stamped with. */
export const systemClock: Clock = {
  nowNs: () => process.hrtime.bigint(),
  sleep: async (ms, signal) => {
    await sleepTimer(ms, undefined, { signal })
  },
}

/** Milliseconds between two stamps, with the microseconds kept. */
export function msBetween(fromNs: bigint | number, toNs: bigint | number): number {
  return Number(BigInt(toNs) - BigInt(fromNs)) / 1e6
}
