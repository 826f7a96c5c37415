/**
 * A family of PCI devices: which registers tell whether its engine runs, and what their values mean. One small file a
 * family. The same registers are read from outside (qemu/inspection.ts) and by the new kernel's first process
 * (images/guest/harness-probe), so the two can be compared.
 */

/** A PCI function as its configuration space shows it. */
export type PciFunction = {
  /** Domain, bus, slot and function, as sysfs writes it: 0000:00:04.0 */
  address: string
  vendor: number
  device: number
  /** 24 bits: base class, subclass, programming interface. */
  classCode: number
  /** The command register: bit 1 is memory decoding, bit 2 bus mastering (PCI 3.0, 6.2.2). */
  command: number
}

export type Register<Name extends string = string> = {
  /** As the device's data sheet calls it. */
  name: Name
  /** Which BAR it is in; `virtio-common` says that itself. */
  bar: number
  /** Bytes from the start of the BAR, or from `base`. */
  offset: number
  width: 8 | 16 | 32
  /**
   * Where the offset counts from, unless from the BAR's start: `caplength` adds the BAR's first byte (xHCI 5.3.1);
   * `virtio-common` is the structure that the vendor capability of type 1 points to, whose BAR counts then (virtio 1.1, 4.1.4).
   */
  base?: 'caplength' | 'virtio-common'
}

/** Values by register name; null: it could not be read. */
export type RegisterValues = Record<string, number | null>

/** What the registers say of the device's engine. */
export type EngineState = {
  /** True: it may read or write memory, or raise an interrupt, by itself. null: that can't be told. */
  running: boolean | null
  /** True: it runs for wake-up, as the driver meant it to. */
  waking: boolean
  /** True: it still has addresses or a state that the old kernel gave it. That alone is no fault. */
  notReset: boolean
  /** What that rests on, one fact an item, with the value: `RCTL.EN is 1 (RCTL 0x00048022)`. */
  facts: string[]
}

export type Family = {
  name: string
  /**
   * Shell patterns, of which one must match `vendor:device:class` in small hex digits, as in 8086:10d3:020000. Only `?`
   * and `[…]` are used, which the guest's shell and `familyOf` read alike.
   */
  match: readonly string[]
  registers: readonly Register[]
  judge(values: RegisterValues): EngineState
}

/** A device as it was found. */
export type DeviceState = PciFunction & {
  family: string
  registers: RegisterValues
  /** The driver that is bound where the reader can know it (the probe: built-in drivers); null: none, or not known. */
  driver: string | null
}

/** Vendor and device as lspci writes them: 8086:10d3 */
export function pciId({ vendor, device }: Pick<PciFunction, 'vendor' | 'device'>): string {
  return `${hex(vendor, 4)}:${hex(device, 4)}`
}

/** Small hexadecimal digits, at least so many. */
export function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

/** Bit 2 of the command register. */
export function isBusMaster({ command }: PciFunction): boolean {
  return (command & 0x4) !== 0
}

type FamilyParts<Name extends string> = {
  name: string
  match: readonly string[]
  registers: readonly Register<Name>[]
  /** Only called with values that are all there and are not what a silent device reads as. */
  judge(values: Record<Name, number>): EngineState
}

/** A family whose engine state is unknown where a register could not be read, or where all of them read all ones. */
export function family<Name extends string>(parts: FamilyParts<Name>): Family {
  return { ...parts, judge: (values) => unknown(parts.registers, values) ?? parts.judge(values as never) }
}

function unknown(registers: readonly Register[], values: RegisterValues): EngineState | undefined {
  const missing = registers.filter(({ name }) => (values[name] ?? null) === null).map(({ name }) => name)
  const silent = registers.every(({ name, width }) => values[name] === 2 ** width - 1)
  const fact =
    missing.length > 0
      ? `${missing.join(', ')} could not be read`
      : 'every register reads all ones: the device is in D3, or does not decode'
  if (missing.length === 0 && !silent) return undefined
  return { running: null, waking: false, notReset: false, facts: [fact] }
}

/** `RCTL.EN is 1 (RCTL 0x00000002)` */
export function bitFact(register: string, bitName: string, bit: number, value: number): string {
  return `${register}.${bitName} is ${(value >>> bit) & 1} (${registerFact(register, value)})`
}

/** `RCTL 0x00000002` */
export function registerFact(register: string, value: number): string {
  return `${register} 0x${hex(value, 8)}`
}
