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

export type Register = {
  /** As the device's data sheet calls it. */
  name: string
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
  /** True: it still has addresses or a state that the old kernel gave it. */
  notReset: boolean
  /** What that rests on, one fact an item, with the value: `RCTL.EN is 1 (RCTL 0x00048022)`. */
  facts: string[]
}

export type Family = {
  name: string
  /** Any of these; within one, every key that is there. `classCode` is compared in its first `classBits` (24) bits. */
  match: { vendor?: number; devices?: number[]; classCode?: number; classBits?: 8 | 16 | 24 }[]
  registers: Register[]
  judge(values: RegisterValues): EngineState
}

/** A device as it was found. */
export type DeviceState = PciFunction & {
  family: string
  registers: RegisterValues
  /** The driver that is bound where the reader can know it (the probe: built-in drivers); null: none, or not known. */
  driver: string | null
}

/** Bit 2 of the command register. */
export function isBusMaster({ command }: PciFunction): boolean {
  return (command & 0x4) !== 0
}
