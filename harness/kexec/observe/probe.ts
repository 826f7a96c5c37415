/** Reads what the new kernel's first process said of the PCI devices, before any module was loaded. */
import type { Line } from '../../console/lines.ts'
import type { DeviceState } from '../../devices/family.ts'
import { parseProbeLine } from '../../devices/probe-line.ts'
import type { Observer } from './observer.ts'

/** Asks images/guest/init for the probe. */
export const probeParameter = 'kexec_harness.probe'

/** More devices than a machine has; a console that prints without end must not fill the memory. */
const maxDevices = 4096

/** The devices that probe lines tell of; undefined where their end is missing, as some may be too. */
export function devicesOf(lines: readonly Pick<Line, 'text'>[]): DeviceState[] | undefined {
  const devices: DeviceState[] = []
  for (const { text } of lines) {
    const parsed = parseProbeLine(text)
    if (parsed === undefined) continue
    if ('end' in parsed) return parsed.end === devices.length ? devices : undefined
    if (devices.length < maxDevices) devices.push(parsed)
  }
  return undefined
}

export function probing(): Observer {
  const lines: Line[] = []
  return {
    line(line, stage) {
      const isNew = stage === 'startup' || stage === 'userspace' || stage === 'ready'
      if (isNew && lines.length <= maxDevices && line.text.includes('HARNESS PCI')) lines.push(line)
    },
    async finish({ evidence }, ready) {
      const devices = devicesOf(lines)
      if (devices) evidence.probe = devices
      else if (ready)
        evidence.notes.push(
          lines.length === 0
            ? "the new kernel's initramfs has no probe: only ours brings one"
            : 'the probe of the new kernel was not read whole',
        )
    },
  }
}
