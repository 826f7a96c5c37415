/** PCI configuration space from outside: memory-mapped (ECAM) where the machine has that, else by ports. */
import { z } from 'zod'
import { LabError } from '../harness/errors.ts'
import { type ReadOptions, readPhysical } from './physical.ts'
import type { QmpClient } from './qmp.ts'

export type PciLocation = { bus: number; slot: number; function: number }

export type ConfigSpace = {
  /** True: the guest stands still between `hold` and its release, since reading would disturb it. */
  readonly stopsGuest: boolean
  /** Reads the 32 bits at a byte offset, a multiple of 4. */
  readWord(at: PciLocation, offset: number, options: ReadOptions): Promise<number>
  /** To be called before any reading; what it returns ends that and puts things back as the guest had them. */
  hold(options: ReadOptions): Promise<() => Promise<void>>
}

/** A function's 4 KiB of configuration space stand at base + bus << 20 + slot << 15 + function << 12 (PCIe 5.0, 7.2.2). */
export function ecamSpace(qmp: QmpClient, base: number): ConfigSpace {
  return {
    stopsGuest: false,
    readWord: (at, offset, options) =>
      readPhysical(qmp, base + at.bus * 2 ** 20 + busAddress(at) * 2 ** 12 + offset, 32, options),
    hold: async () => async () => {},
  }
}

const statusSchema = z.object({ running: z.boolean() })
const addressPort = '0xcf8'
const dataPort = '0xcfc'

/** The two ports of PCI 3.0, 3.2.2.3.2: one selects, one reads. QMP obeys in order, so that the pairs stay together. */
export function portSpace(qmp: QmpClient): ConfigSpace {
  const select = (value: number, options: ReadOptions) =>
    qmp.humanMonitor(`o /w ${addressPort} 0x${value.toString(16)}`, options)
  const readPort = async (port: string, options: ReadOptions) => {
    const answer = await qmp.humanMonitor(`i /w ${port}`, options)
    const value = / = (0x[\da-f]{1,8})/.exec(answer)?.[1]
    if (value === undefined) throw new LabError(`QEMU answered "i /w ${port}" with ${JSON.stringify(answer)}`)
    return Number(value)
  }
  return {
    stopsGuest: true,
    readWord: async (at, offset, options) => {
      const selected = select(2 ** 31 + at.bus * 2 ** 16 + busAddress(at) * 2 ** 8 + offset, options)
      const [value] = await Promise.all([readPort(dataPort, options), selected])
      return value
    },
    hold: async (options) => {
      const { running } = await qmp.execute('query-status', undefined, { ...options, schema: statusSchema })
      if (running) await qmp.execute('stop')
      try {
        const before = await readPort(addressPort, {})
        return async () => {
          await select(before, {})
          if (running) await qmp.execute('cont')
        }
      } catch (error) {
        if (running) await qmp.execute('cont')
        throw error
      }
    },
  }
}

/** Slot and function in the 8 bits that PCI gives them. */
function busAddress({ slot, function: number }: PciLocation): number {
  return slot * 8 + number
}
