/** PCI devices as they are at this moment, read from outside: configuration space, BARs, and the registers of their family. */
import { z } from 'zod'
import {
  type DeviceState,
  type Family,
  hex,
  type Register,
  type RegisterValues,
} from '../harness/devices/family.ts'
import { familyOf } from '../harness/devices/index.ts'
import { type ConfigSpace, ecamSpace, type PciLocation, portSpace } from './pci-config.ts'
import { readPhysical } from './physical.ts'
import type { QmpClient } from './qmp.ts'
import { findVirtioCommon, type RegisterBase } from './virtio-common.ts'

/** A function as query-pci lists it. */
type PciEntry = PciLocation & {
  address: string
  vendor: number
  device: number
  /** CPU addresses by BAR; a BAR that does not decode memory now is not there. */
  bars: Map<number, number>
}

type Options = { signal?: AbortSignal }

const deviceSchema = z.object({
  bus: z.number(),
  slot: z.number(),
  function: z.number(),
  id: z.object({ vendor: z.number(), device: z.number() }),
  regions: z.array(z.object({ bar: z.number(), type: z.enum(['memory', 'io']), address: z.number() })),
  get pci_bridge() {
    return z.object({ devices: z.array(deviceSchema).optional() }).optional()
  },
})
type Device = z.infer<typeof deviceSchema>
const busesSchema = z.array(z.object({ devices: z.array(deviceSchema) }))

/** Reads all PCI devices of a machine, once. Throws LabError when QEMU is gone, an AbortError when the signal aborts. */
export async function readDevices(
  machine: { qmp: QmpClient },
  options: Options = {},
): Promise<DeviceState[]> {
  const reader = await PciReader.open(machine, options)
  return await reader.read(options)
}

/**
 * Reads the PCI devices of one machine, as often as wanted. Where a device keeps its structures is looked up once and
 * remembered, so that a later reading is quicker. Commands are sent without waiting for each: a machine that stands
 * still answers those for ten devices in less than 50 ms.
 */
export class PciReader {
  readonly #qmp: QmpClient
  readonly #config: ConfigSpace
  readonly #classes = new Map<string, number>()
  readonly #bases = new Map<string, RegisterBase>()

  private constructor(qmp: QmpClient, config: ConfigSpace) {
    this.#qmp = qmp
    this.#config = config
  }

  /** Finds out how the machine's configuration space can be read; its firmware must have run. */
  static async open({ qmp }: { qmp: QmpClient }, options: Options = {}): Promise<PciReader> {
    const tree = await qmp.humanMonitor('info mtree -f', options)
    const ecam = /^\s*([\da-f]{16})-[\da-f]{16} \(prio -?\d+, i\/o\): pcie-mmcfg-mmio/m.exec(tree)?.[1]
    return new PciReader(qmp, ecam === undefined ? portSpace(qmp) : ecamSpace(qmp, Number(`0x${ecam}`)))
  }

  /** True: `read` stops a guest that runs, since reading would disturb it. */
  get stopsGuest(): boolean {
    return this.#config.stopsGuest
  }

  /** All devices, by address; the drivers are not known here. */
  async read(options: Options = {}): Promise<DeviceState[]> {
    const release = await this.#config.hold(options)
    try {
      const entries = await this.#list(options)
      return await Promise.all(entries.map((entry) => this.#readDevice(entry, options)))
    } finally {
      await release()
    }
  }

  async #list(options: Options): Promise<PciEntry[]> {
    const all = await this.#qmp.execute('query-pci', undefined, { ...options, schema: busesSchema })
    return all
      .flatMap(({ devices }) => devices.flatMap(withChildren))
      .map(toEntry)
      .sort((a, b) => (a.address < b.address ? -1 : 1))
  }

  async #readDevice(entry: PciEntry, options: Options): Promise<DeviceState> {
    const { address, vendor, device } = entry
    const [commandAndStatus, classCode] = await Promise.all([
      this.#config.readWord(entry, 0x04, options),
      this.#classOf(entry, options),
    ])
    const identity = { address, vendor, device, classCode, command: commandAndStatus & 0xffff }
    const family = familyOf(identity)
    const registers = await this.#readRegisters(entry, family, options)
    return { ...identity, family: family.name, registers, driver: null }
  }

  async #classOf(entry: PciEntry, options: Options): Promise<number> {
    const key = keyOf(entry)
    const classCode = this.#classes.get(key) ?? (await this.#config.readWord(entry, 0x08, options)) >>> 8
    this.#classes.set(key, classCode)
    return classCode
  }

  async #readRegisters(entry: PciEntry, family: Family, options: Options): Promise<RegisterValues> {
    const bases = await this.#basesOf(entry, family, options)
    const values = await Promise.all(
      family.registers.map(async ({ bar, base: name, offset, width }) => {
        const base = name === undefined ? { bar, offset: 0 } : bases.get(name)
        const start = base && entry.bars.get(base.bar)
        if (start === undefined) return null
        return await readPhysical(this.#qmp, start + base!.offset + offset, width, options)
      }),
    )
    return Object.fromEntries(family.registers.map(({ name }, index) => [name, values[index]!]))
  }

  /** Looks up what the family's registers are relative to. What is not there, or can't be read now, is left out. */
  async #basesOf(
    entry: PciEntry,
    { registers }: Family,
    options: Options,
  ): Promise<Map<Register['base'], RegisterBase>> {
    const found = new Map<Register['base'], RegisterBase>()
    for (const { base, bar } of registers) {
      if (base === undefined || found.has(base)) continue
      const key = `${keyOf(entry)} ${base}`
      const place = this.#bases.get(key) ?? (await this.#findBase(entry, base, bar, options))
      if (place === undefined) continue
      found.set(base, place)
      this.#bases.set(key, place)
    }
    return found
  }

  async #findBase(
    entry: PciEntry,
    base: NonNullable<Register['base']>,
    bar: number,
    options: Options,
  ): Promise<RegisterBase | undefined> {
    if (base === 'virtio-common')
      return findVirtioCommon((offset) => this.#config.readWord(entry, offset, options))
    const start = entry.bars.get(bar)
    if (start === undefined) return undefined
    return { bar, offset: await readPhysical(this.#qmp, start, 8, options) }
  }
}

/** A device that was exchanged for another one is another one. */
function keyOf({ address, vendor, device }: PciEntry): string {
  return `${address} ${vendor}:${device}`
}

function withChildren(device: Device): Device[] {
  return [device, ...(device.pci_bridge?.devices ?? []).flatMap(withChildren)]
}

function toEntry({ bus, slot, function: number, id, regions }: Device): PciEntry {
  // QEMU gives -1 for a BAR that is not assigned or not decoded.
  const decoded = regions.filter(({ type, address }) => type === 'memory' && address > 0)
  return {
    ...{ bus, slot, function: number },
    address: `0000:${hex(bus, 2)}:${hex(slot, 2)}.${number}`,
    ...id,
    bars: new Map(decoded.map(({ bar, address }) => [bar, address])),
  }
}
