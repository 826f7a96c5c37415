/** Which driver is bound to which PCI device. */
import type { Binding } from '../../detect/binding.ts'
import { commandTimeoutMs, type Observer } from './observer.ts'

// The buses behind a PCI device name the driver that a person looks for: virtio_net rather than virtio-pci.
const command = 'ls -l /sys/bus/pci/devices/*/driver /sys/bus/pci/devices/*/virtio*/driver 2>/dev/null'
const link = /\/devices\/([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\/(virtio\d+\/)?driver -> \S*\/(\S+)$/

/** Reads the bindings off `ls -l` of sysfs's driver links. */
export function parseBindings(output: string): Binding[] {
  const bindings = new Map<string, Binding>()
  const inner: [string, string][] = []
  for (const line of output.split('\n')) {
    const found = link.exec(line.trimEnd())
    if (!found) continue
    const [, device, behind, driver] = found as unknown as [string, string, string | undefined, string]
    if (behind === undefined) bindings.set(device, { device, driver, inner: [] })
    else inner.push([device, driver])
  }
  for (const [device, driver] of inner) bindings.get(device)?.inner.push(driver)
  return [...bindings.values()]
}

/** Notes what is bound just before the execute. */
export const bindingsObserver: Observer = {
  async prepare({ board, evidence, signal }) {
    const { output } = await board.shell.run(command, { timeoutMs: commandTimeoutMs, signal })
    evidence.bindings = parseBindings(output)
  },
}

/** Unbinds devices from their drivers, as `driver_override`-less sysfs does it: the drivers' remove() quiets them. */
export function unbinding(devices: readonly string[]): Observer {
  return {
    async prepare({ board, evidence, signal }) {
      for (const device of devices) {
        const file = `/sys/bus/pci/devices/${device}/driver/unbind`
        const { status } = await board.shell.run(`echo ${device} >${file}`, {
          timeoutMs: commandTimeoutMs,
          signal,
        })
        if (status !== 0) evidence.notes.push(`${device} could not be unbound from its driver`)
      }
    },
  }
}
