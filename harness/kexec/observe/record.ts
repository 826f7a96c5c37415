/** What was observed in one cycle, as plain data that the journal records. */
import { z } from 'zod'
import { type DeviceReading, disagreements, judge } from '../../detect/handover-findings.ts'
import { isBusMaster } from '../../devices/family.ts'
import type { Evidence } from './observer.ts'

const device = z.object({
  /** 0000:00:04.0 */
  address: z.string(),
  /** Vendor and device as lspci writes them: 8086:10d3 */
  id: z.string(),
  family: z.string(),
  /** Drivers that were bound before the kexec, outermost first; empty: none. */
  drivers: z.array(z.string()),
  busMaster: z.boolean(),
  /** Whether its engine ran; null where that can't be told. */
  running: z.boolean().nullable(),
  /** Whether it ran for wake-up, as its driver meant it to. */
  waking: z.boolean(),
  /** Whether it kept addresses or a state of the old kernel's. */
  notReset: z.boolean(),
  facts: z.array(z.string()),
  registers: z.record(z.string(), z.number().nullable()),
})

export const observed = z.object({
  readings: z.array(
    z.object({
      /** breakpoint: machine stopped at purgatory's entry; polling: in the gap; probe: by the new kernel's first process. */
      method: z.enum(['breakpoint', 'polling', 'probe']),
      /** How long the machine was stopped for it. */
      stoppedMs: z.number().optional(),
      devices: z.array(device),
    }),
  ),
  /** Where inspection and probe tell different stories. */
  disagreements: z.array(z.string()),
  shutdown: z
    .object({
      /** In the order of their shutdown. */
      devices: z.array(
        z.object({
          device: z.string(),
          driver: z.string().nullable(),
          durationMs: z.number().nullable(),
          /** Whether its driver has a shutdown(); null where that is not known. */
          hasShutdown: z.boolean().nullable(),
        }),
      ),
      /** Reschedule IPIs from the execute on. */
      ipis: z.array(
        z.object({
          source: z.number().int().nullable(),
          target: z.number().int(),
          count: z.number().int(),
          /** How many of them found their target offline. */
          offlineCount: z.number().int(),
          /** How many found it idle; null where that is not known. */
          idleCount: z.number().int().nullable(),
        }),
      ),
    })
    .nullable(),
  /** Whether the memory canary was found as it was left; null: the board has none. */
  canaryIntact: z.boolean().nullable(),
  /** What could not be looked at, and why. */
  notes: z.array(z.string()),
})
export type Observed = z.infer<typeof observed>

/** The evidence of one cycle without what only findings need. */
export function recordOf(evidence: Evidence): Observed {
  const readings = readingsOf(evidence)
  const [first, second] = readings
  return {
    readings: readings.map((reading) => ({
      method: reading.method,
      ...(reading.stoppedMs === undefined ? {} : { stoppedMs: reading.stoppedMs }),
      devices: reading.devices.map((one) => {
        const state = judge(one)
        const binding = evidence.bindings.find(({ device: address }) => address === one.address)
        const id = [one.vendor, one.device].map((part) => part.toString(16).padStart(4, '0')).join(':')
        return {
          ...{ address: one.address, id, family: one.family, ...state, registers: one.registers },
          drivers: binding ? [binding.driver, ...binding.inner] : [],
          busMaster: isBusMaster(one),
        }
      }),
    })),
    disagreements: first && second ? disagreements(first, second) : [],
    shutdown: evidence.shutdown ?? null,
    canaryIntact: evidence.canary ? evidence.canary.changedLines === 0 : null,
    notes: evidence.notes,
  }
}

/** The readings of a cycle's devices, the surest first. */
export function readingsOf({
  inspection,
  probe,
}: Pick<Evidence, 'inspection' | 'probe'>): (DeviceReading & { stoppedMs?: number })[] {
  return [
    ...(inspection ? [inspection] : []),
    ...(probe ? [{ method: 'probe' as const, devices: probe }] : []),
  ]
}
