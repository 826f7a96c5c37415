/** What the old kernel told of its shutdown: each device's order and duration, drivers without one, IPIs that went astray. */
import type { Line } from '../console/lines.ts'
import { type AuditLine, parseAuditLine } from './audit-lines.ts'
import type { Finding } from './finding.ts'
import { type IpiCount, IpiCounts } from './ipi.ts'

export type DeviceShutdown = {
  device: string
  /** null where no driver is bound. */
  driver: string | null
  /** The kernel's own clock, seconds; null where the console spoilt the stamp. */
  startS: number | null
  /** To the next step of device_shutdown(). null where none came, or where nothing was called for this device. */
  durationMs: number | null
  /** Whether there is a shutdown() for it; null where that is not known. */
  hasShutdown: boolean | null
}

export type AuditResult = {
  /** In the order of their shutdown. */
  devices: DeviceShutdown[]
  /** The last device whose shutdown began: where the kernel hangs in its shutdown, that one's. */
  last: DeviceShutdown | null
  /** Drivers without a shutdown(), by the pointer that is empty. */
  withoutShutdown: { driver: string; pointer: string; devices: string[] }[]
  ipis: IpiCount[]
  /** The kernel's own lines about IPIs to offline CPUs. */
  offlineWarnings: { target: number; text: string }[]
}

/** Far more than a kernel has; a console that never ends must not fill the memory. */
const maxDevices = 10_000
const maxWarnings = 100

/** dev_driver_string() in drivers/base/core.c gives the bus where no driver is bound. */
const buses = new Set(
  'pci pci_express platform pnp acpi amba virtio usb serio i2c spi scsi mdio_bus auxiliary cpu'.split(' '),
)

type Pointer = { driver: string; pointer: string; device: string }

/** Listens to the old kernel's console, from the execute to its last line or beyond. */
export class ShutdownAudit {
  readonly #devices: DeviceShutdown[] = []
  readonly #empty: Pointer[] = []
  readonly #ipis = new IpiCounts()
  readonly #warnings: { target: number; text: string }[] = []
  /** What comes next, as the event before its shutdown said. */
  #announced: DeviceShutdown | undefined
  /** The device whose shutdown runs. */
  #running: DeviceShutdown | undefined
  #last: DeviceShutdown | null = null
  /** Whether device_shutdown() has come back. */
  #isDone = false

  line({ text }: Line): void {
    const step = parseAuditLine(text)
    if (!step) return
    if (step.kind === 'ipi') this.#ipis.add(step)
    else if (step.kind === 'offline-warning') this.#warn(step.target, text)
    // What unplugs itself after device_shutdown() passes the same function.
    else if (this.#isDone) return
    else if (step.kind === 'shutdown') this.#begin(step)
    else {
      this.#end(step.seconds)
      this.#isDone = step.kind === 'done'
      this.#announced = step.kind === 'driver' ? this.#announce(step) : undefined
    }
  }

  /** What was told so far. */
  finish(): AuditResult {
    return {
      devices: [...this.#devices],
      last: this.#last,
      withoutShutdown: grouped(this.#empty),
      ipis: this.#ipis.result(),
      offlineWarnings: [...this.#warnings],
    }
  }

  #announce(step: AuditLine & { kind: 'driver' }): DeviceShutdown {
    const { device, driver, hasShutdown, pointer } = step
    if (hasShutdown === false && this.#empty.length < maxDevices)
      this.#empty.push({ driver, pointer, device })
    return this.#keep({ device, driver, startS: step.seconds, durationMs: null, hasShutdown })
  }

  #begin(step: AuditLine & { kind: 'shutdown' }): void {
    const { seconds, device, name } = step
    const announced = this.#announced
    this.#announced = undefined
    this.#end(seconds)
    // Either name alone tells it: a serial line can double a character.
    const isAnnounced = announced && (announced.device === device || announced.driver === name)
    const running = isAnnounced
      ? announced
      : this.#keep({
          ...{ device, driver: buses.has(name) ? null : name },
          ...{ startS: seconds, durationMs: null, hasShutdown: null },
        })
    running.startS = seconds
    this.#running = running
    this.#last = running
  }

  #end(seconds: number | null): void {
    const device = this.#running
    this.#running = undefined
    if (device && device.startS !== null && seconds !== null)
      device.durationMs = Math.round((seconds - device.startS) * 1e6) / 1e3
  }

  #keep(device: DeviceShutdown): DeviceShutdown {
    if (this.#devices.length < maxDevices) this.#devices.push(device)
    return device
  }

  #warn(target: number, text: string): void {
    if (this.#warnings.length < maxWarnings) this.#warnings.push({ target, text: text.slice(0, 200) })
  }
}

function grouped(empty: readonly Pointer[]): AuditResult['withoutShutdown'] {
  const groups = Map.groupBy(empty, ({ driver, pointer }) => `${driver}\n${pointer}`)
  return [...groups.values()].map((group) => ({
    driver: group[0]!.driver,
    pointer: group[0]!.pointer,
    devices: group.map(({ device }) => device),
  }))
}

/**
 * What is wrong: `slow-shutdown` for each device whose shutdown took at least `slowMs`, `offline-cpu-ipi` for each CPU
 * that was sent a reschedule IPI while it was offline. Where only the kernel itself says so, that is a signature's hit.
 */
export function auditFindings(
  { devices, ipis, offlineWarnings }: AuditResult,
  { slowMs }: { slowMs: number },
): Omit<Finding, 'board' | 'generation'>[] {
  const about = { phase: 'shutdown', confidence: 'seen' } as const
  const slow = devices.flatMap(({ device, driver, startS, durationMs, hasShutdown }) => {
    if (durationMs === null || durationMs < slowMs) return []
    const evidence = [
      `${driver ?? 'no driver'} ${device}: shutdown began ${startS} s after the kernel's start`,
      `the next step of device_shutdown() came ${durationMs} ms later, the limit is ${slowMs} ms`,
      ...(hasShutdown === false ? ['its driver has no shutdown(): the time is its bus’s'] : []),
    ]
    const advice =
      "Find what this driver's shutdown() waits for: it holds up every device after it, and a reset or a timeout there often stands for a device that no longer answers."
    return [
      {
        ...about,
        id: 'slow-shutdown',
        severity: 'error' as const,
        device,
        driver,
        cpu: null,
        evidence,
        advice,
      },
    ]
  })
  const astray = Map.groupBy(
    ipis.filter(({ offlineCount }) => offlineCount > 0),
    ({ target }) => target,
  )
  const offline = [...astray].map(([target, pairs]) => ({
    ...{
      ...about,
      id: 'offline-cpu-ipi',
      severity: 'error' as const,
      device: null,
      driver: null,
      cpu: target,
    },
    evidence: [
      ...pairs.map(astrayText),
      ...offlineWarnings.filter((warned) => warned.target === target).map(({ text }) => text),
    ],
    advice:
      'A CPU that is offline never takes the interrupt, so the task that should run there does not. Something was queued for it after it went down: look for who wakes a task that is bound to that CPU.',
  }))
  return [...slow, ...offline]
}

function astrayText({ source, target, offlineCount, count }: IpiCount): string {
  return `CPU${source} → CPU${target}: ${offlineCount} of ${count} reschedule IPIs while CPU${target} was offline`
}
