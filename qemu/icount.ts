/** The clock of a machine that counts instructions, which runs however busy the host is. */
import { z } from 'zod'
import type { QmpClient } from './qmp.ts'

/** One moment on both clocks, nanoseconds: the host's monotonic one, and what the guest had executed by then. */
export type CountedMoment = { atNs: bigint; executedNs: bigint }

const replaySchema = z.object({ icount: z.number().int().nonnegative() })

/**
 * Instructions that the guest has executed, each for one nanosecond (`-icount shift=0`). Exact where the guest stands still; where it
 * runs QEMU knows of them when the CPU ends a slice, up to 50 ms later. Throws LabError as QMP does.
 */
export async function executedNs(qmp: QmpClient): Promise<bigint> {
  return BigInt((await qmp.execute('query-replay', undefined, { schema: replaySchema })).icount)
}

/** The same of a guest that runs, which stands still for a millisecond meanwhile. */
export async function stopAndCount(qmp: QmpClient): Promise<bigint> {
  await qmp.execute('stop')
  try {
    return await executedNs(qmp)
  } finally {
    await qmp.execute('cont')
  }
}
