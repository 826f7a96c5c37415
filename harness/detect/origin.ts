/** What a dump says about where it comes from: the device, the driver and the CPU. */
import { withoutStamp } from './dump.ts'

export type Origin = {
  /** A PCI address (0000:00:04.0) or the name of another device (9050000.smmuv3, nvme0); null where none is named. */
  device: string | null
  driver: string | null
  cpu: number | null
}

const pciAddress = /\b[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]\b/
/** dev_printk() writes `DRIVER DEVICE: …`, netdev_printk() `DRIVER DEVICE INTERFACE: …`. Source: drivers/base/core.c. */
const deviceMessage =
  /^([a-zA-Z][\w-]{1,40}) ((?:[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])|(?:[0-9a-f]{1,16}\.[\w-]{1,40})|(?:[\w-]{1,40}\d(?:[.:][\w.:-]{0,40})?))(?: [\w()-]{1,40})?: /
/** The IOMMU drivers of x86 leave out the PCI domain: `Request device [00:04.0]`. */
const shortPciAddress = /Request device \[([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\]/
/**
 * The first word of an SMMUv3 event: its upper half is the stream id, which for PCI is bus, slot and function where the
 * firmware's iommu-map is one to one, as on QEMU's virt. Source: arm_smmu_evtq_thread() in drivers/iommu/arm/arm-smmu-v3.
 */
const streamId = /^arm-smmu-v3 \S{1,80}: \s*0x0000([0-9a-f]{2})([0-9a-f]{2})[0-9a-f]{8}$/
/** really_probe() in drivers/base/dd.c names the driver, then the device, then (from 6.11) the driver again. */
const failedProbe =
  /^([\w-]{1,40}): probe of (\S{1,80}) failed|^\w+ (\S{1,80}): probe with driver (\S{1,40}) failed/
/** dev_driver_string() gives the bus where no driver is bound; that names no driver. */
const buses = new Set(['pci', 'platform', 'usb', 'acpi', 'scsi', 'i2c', 'spi', 'amba', 'pci_bus', 'mdio_bus'])

/** Where the fault is: RIP on x86, pc on arm64, NIP on powerpc, the WARNING's own function. */
const faultingModule =
  /(?:RIP: |pc : |PC is at |NIP |epc : |WARNING: ).{0,200}\+0x[0-9a-f]+\/0x[0-9a-f]+ \[([\w-]+)/
/** A stack entry in a module; those with a question mark are leftovers of other calls. */
const tracedModule = /^(?!.*\? ).{0,200}\+0x[0-9a-f]+\/0x[0-9a-f]+ \[([\w-]+)/
const cpuNumber = /\bCPU(?:: ?|#| ?)(\d{1,5})\b|\bcpu (\d{1,5})\b/

/** Reads the origin off the lines of one message or dump; `message` is the line that named it. */
export function originOf(message: string, lines: readonly string[]): Origin {
  const own = fromMessage(withoutStamp(message))
  const rest = lines.map(withoutStamp)
  const streaming = rest.map((line) => streamId.exec(line)).find((found) => found !== null)
  // The event is the SMMU's, the fault is that of the device behind it.
  if (streaming) return { device: addressOf(streaming[1]!, streaming[2]!), driver: null, cpu: null }
  const first = <T>(read: (line: string) => T | undefined) => {
    for (const line of rest) {
      const found = read(line)
      if (found !== undefined) return found
    }
    return undefined
  }
  const traced = () =>
    first((line) => faultingModule.exec(line)?.[1]) ?? first((line) => tracedModule.exec(line)?.[1])
  return {
    device: own.device ?? first((line) => fromMessage(line).device) ?? null,
    driver: own.driver ?? traced() ?? first((line) => fromMessage(line).driver) ?? null,
    cpu: cpuOf(withoutStamp(message)) ?? first(cpuOf) ?? null,
  }
}

function addressOf(bus: string, slotAndFunction: string): string {
  const devfn = Number.parseInt(slotAndFunction, 16)
  return `0000:${bus}:${(devfn >> 3).toString(16).padStart(2, '0')}.${devfn & 7}`
}

function fromMessage(line: string): { device?: string; driver?: string } {
  const probe = failedProbe.exec(line)
  if (probe) return { device: probe[2] ?? probe[3], driver: probe[1] ?? probe[4] }
  const found = deviceMessage.exec(line)
  if (found) return { device: found[2], driver: buses.has(found[1]!) ? undefined : found[1] }
  const short = shortPciAddress.exec(line)?.[1]
  return { device: pciAddress.exec(line)?.[0] ?? (short && `0000:${short}`) }
}

function cpuOf(line: string): number | undefined {
  const found = cpuNumber.exec(line)
  return found ? Number(found[1] ?? found[2]) : undefined
}
