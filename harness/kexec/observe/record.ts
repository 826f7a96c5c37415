/** Makes the journal's record of what was observed in one cycle. */
import { type DeviceReading, disagreements, judge } from '../../detect/handover-findings.ts'
import { isBusMaster, pciId } from '../../devices/family.ts'
import type { Observed } from './observed.ts'
import type { Evidence } from './observer.ts'

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
        return {
          ...{ address: one.address, id: pciId(one), family: one.family, ...state, registers: one.registers },
          drivers: binding ? [binding.driver, ...binding.inner] : [],
          busMaster: isBusMaster(one),
        }
      }),
    })),
    disagreements: first && second ? disagreements(first, second) : [],
    shutdown: evidence.shutdown ?? null,
    ...(evidence.initcalls ? { initcalls: evidence.initcalls } : {}),
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
