/** Where a kernel keeps what the shutdown audit reads, told by its own description of its types. */
import { type Btf, findBtf } from './btf.ts'
import { exportDistance } from './kernel-exports.ts'
import { unpackKernel } from './unpacked-kernel.ts'

/** Offsets in one kernel's structures, in bytes. */
export type KernelLayout = {
  device: { name: number; driver: number; bus: number }
  driver: { name: number; shutdown: number }
  bus: { name: number; shutdown: number }
  /** For each bus by name: from the struct device_driver in its own driver structure to that one's shutdown(). */
  ownShutdown: Record<string, number>
  /** Whether a mask of CPUs in a structure is a pointer to it (CONFIG_CPUMASK_OFFSTACK). */
  masksArePointers: boolean
  /** From pm_runtime_barrier() to __cpu_online_mask; null where that can't be told. */
  onlineMask: number | null
}

/**
 * Buses whose shutdown() calls one in their own kind of driver: the structure, and its struct device_driver. Buses in
 * modules are not described in the kernel's file. Source: the `.shutdown` of each struct bus_type.
 */
const ownDrivers: Record<string, readonly [struct: string, embedded: string]> = {
  pci: ['pci_driver', 'driver'],
  platform: ['platform_driver', 'driver'],
  pnp: ['pnp_driver', 'driver'],
  amba: ['amba_driver', 'drv'],
  i2c: ['i2c_driver', 'driver'],
  spi: ['spi_driver', 'driver'],
  mmc: ['mmc_driver', 'drv'],
  scsi: ['scsi_driver', 'gendrv'],
}

const layouts = new Map<string, Promise<KernelLayout | undefined>>()

/**
 * The layout of a kernel's file. undefined where it has no BTF (CONFIG_DEBUG_INFO_BTF), or can't be unpacked here.
 * Takes up to some seconds, and once a process for each path. Throws what reading the file throws.
 */
export function kernelLayout(kernelPath: string): Promise<KernelLayout | undefined> {
  const known = layouts.get(kernelPath)
  if (known) return known
  const layout = readLayout(kernelPath)
  layouts.set(kernelPath, layout)
  return layout
}

/** The layout as images/guest/harness-audit takes it; nothing where the layout is not known. */
export async function auditOffsets(kernelPath: string): Promise<Record<string, string>> {
  const layout = await kernelLayout(kernelPath)
  if (!layout) return {}
  const { device, driver, bus, ownShutdown, masksArePointers, onlineMask } = layout
  const signed = (offset: number) => (offset < 0 ? `${offset}` : `+${offset}`)
  const own = Object.entries(ownShutdown).map(([name, offset]) => `${name}:${signed(offset)}`)
  return {
    device_name: `${device.name}`,
    device_driver: `${device.driver}`,
    device_bus: `${device.bus}`,
    driver_name: `${driver.name}`,
    driver_shutdown: `${driver.shutdown}`,
    bus_name: `${bus.name}`,
    bus_shutdown: `${bus.shutdown}`,
    own_shutdown: own.join(','),
    idle_mask: masksArePointers ? 'pointer' : 'inline',
    ...(onlineMask === null ? {} : { online_mask: `${onlineMask}` }),
  }
}

async function readLayout(kernelPath: string): Promise<KernelLayout | undefined> {
  const kernel = await unpackKernel(kernelPath)
  const btf = kernel && findBtf(kernel)
  if (!btf) return undefined
  try {
    return layoutOf(btf, exportDistance(kernel, 'pm_runtime_barrier', '__cpu_online_mask') ?? null)
  } catch (error) {
    // Made-up or damaged BTF that points outside of itself.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function layoutOf(btf: Btf, onlineMask: number | null): KernelLayout | undefined {
  const [deviceName, deviceDriver, deviceBus] = ['kobj.name', 'driver', 'bus'].map((path) =>
    btf.offsetOf('device', path),
  )
  const [driverName, driverShutdown] = ['name', 'shutdown'].map((path) => btf.offsetOf('device_driver', path))
  const [busName, busShutdown] = ['name', 'shutdown'].map((path) => btf.offsetOf('bus_type', path))
  if (
    deviceName === undefined ||
    deviceDriver === undefined ||
    deviceBus === undefined ||
    driverName === undefined ||
    driverShutdown === undefined ||
    busName === undefined ||
    busShutdown === undefined
  )
    return undefined
  return {
    device: { name: deviceName, driver: deviceDriver, bus: deviceBus },
    driver: { name: driverName, shutdown: driverShutdown },
    bus: { name: busName, shutdown: busShutdown },
    ownShutdown: ownShutdowns(btf),
    masksArePointers: btf.isPointer('cpumask_var_t') ?? false,
    onlineMask,
  }
}

function ownShutdowns(btf: Btf): Record<string, number> {
  const entries = Object.entries(ownDrivers).flatMap(([bus, [struct, embedded]]) => {
    const shutdown = btf.offsetOf(struct, 'shutdown')
    const driver = btf.offsetOf(struct, embedded)
    return shutdown === undefined || driver === undefined ? [] : [[bus, shutdown - driver] as const]
  })
  return Object.fromEntries(entries)
}
