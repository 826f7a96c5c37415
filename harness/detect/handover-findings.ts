/** What devices were still doing when the old kernel had let go of them, as findings. Pure: evidence in, findings out. */
import type { DeviceState, EngineState } from '../devices/family.ts'
import { hex, isBusMaster, pciId } from '../devices/family.ts'
import { familyOf } from '../devices/index.ts'
import { type Binding, driverOf } from './binding.ts'
import { bySeverity, type Finding } from './finding.ts'

/** A finding before it is known which board and generation it belongs to. */
export type ObservedFinding = Omit<Finding, 'board' | 'generation'>

/** How the devices were looked at. */
export type DeviceReading = {
  /** breakpoint: stopped at purgatory's entry; polling: last look in the gap; probe: by the new kernel, before its modules. */
  method: 'breakpoint' | 'polling' | 'probe'
  devices: readonly DeviceState[]
}

export type HandoverEvidence = {
  bindings: readonly Binding[]
  /** The probe of the cold boot: what firmware leaves. Empty where the cold boot had none. */
  control: readonly DeviceState[]
  /** Readings of this cycle, the surest first. */
  readings: readonly DeviceReading[]
}

const where: Record<DeviceReading['method'], string> = {
  breakpoint: "at purgatory's entry",
  polling: 'in the gap',
  probe: "at the new kernel's first process",
}

/** Base class 06 of the PCI class codes: a bridge masters the bus for the devices behind it. */
const bridgeClass = 0x06

const advice = {
  'dma-left-active':
    "The device may write into the new kernel's memory. Its driver needs a shutdown() that stops the device and calls pci_clear_master(), and must leave the power state to the PCI core.",
  'engine-left-running':
    'The device goes on working or has an interrupt pending; as soon as the new driver turns bus mastering on, it uses old addresses. The driver needs a shutdown() that stops the engine.',
  'not-reset':
    'Harmless while bus mastering is off: the new driver resets the device before it turns that on.',
}

/** The findings, errors first. A device is judged by the surest reading that has it. */
export function handoverFindings({ bindings, control, readings }: HandoverEvidence): ObservedFinding[] {
  const findings: ObservedFinding[] = []
  const judged = new Set<string>()
  for (const { method, devices } of readings)
    for (const device of devices) {
      if (judged.has(device.address)) continue
      judged.add(device.address)
      findings.push(
        ...judgeDevice(
          device,
          method,
          bindings.find((one) => one.device === device.address),
          control.find((one) => one.address === device.address),
        ),
      )
    }
  return findings.sort(bySeverity)
}

function judgeDevice(
  device: DeviceState,
  method: DeviceReading['method'],
  binding: Binding | undefined,
  control: DeviceState | undefined,
): ObservedFinding[] {
  // The new kernel's own driver has it already: what it does now says nothing of the old one.
  if (device.driver !== null) return []
  const state = judge(device)
  const cold = control && control.driver === null ? judge(control) : undefined
  const about = (id: keyof typeof advice, severity: Finding['severity'], facts: string[]) => ({
    ...{ id, severity, phase: 'handover' as const, device: device.address, cpu: null },
    driver: binding ? driverOf(binding) : null,
    confidence: method === 'probe' ? ('inferred' as const) : ('seen' as const),
    evidence: [...facts, describe(device, method, binding)],
    advice: advice[id],
  })
  const findings: ObservedFinding[] = []
  if (isLeftMastering(device, binding, control))
    findings.push(
      about('dma-left-active', 'error', [
        `bus mastering is on ${where[method]} (command 0x${hex(device.command, 4)})`,
      ]),
    )
  if (state.running && !state.waking && !cold?.running)
    findings.push(about('engine-left-running', 'error', state.facts))
  else if ((state.notReset && !cold?.notReset) || (state.running && state.waking))
    findings.push(about('not-reset', 'info', state.facts))
  return findings
}

/**
 * The same after a panic, which calls no driver's shutdown(): what is still at work then is no driver's mistake, it is what
 * the capture kernel has to cope with. Where it does not, its own messages say so. Anything else stays what it is.
 */
export function leftByPanic(finding: ObservedFinding): ObservedFinding {
  if (!(finding.id in advice)) return finding
  return {
    ...finding,
    severity: 'info',
    advice:
      "A panic stops no device: the capture kernel's driver has to reset this one before it uses it (reset_devices).",
  }
}

/** Firmware leaves bus mastering on where no driver will ever be bound: only what a driver had counts, or what changed. */
function isLeftMastering(
  device: DeviceState,
  binding: Binding | undefined,
  control: DeviceState | undefined,
): boolean {
  if (!isBusMaster(device) || device.classCode >> 16 === bridgeClass) return false
  return binding !== undefined || (control !== undefined && !isBusMaster(control))
}

/** Where two readings of the same handover tell different stories, in words; devices that only one could judge are left out. */
export function disagreements(one: DeviceReading, other: DeviceReading): string[] {
  return one.devices.flatMap((left) => {
    const right = other.devices.find(({ address }) => address === left.address)
    if (!right || left.driver !== null || right.driver !== null) return []
    const [a, b] = [judge(left), judge(right)]
    const differing: string[] = []
    if (isBusMaster(left) !== isBusMaster(right))
      differing.push(
        `${left.address}: command 0x${hex(left.command, 4)} by ${one.method}, 0x${hex(right.command, 4)} by ${other.method}`,
      )
    if (a.running !== null && b.running !== null && a.running !== b.running)
      differing.push(
        `${left.address}: ${a.facts.join(', ')} by ${one.method}, ${b.facts.join(', ')} by ${other.method}`,
      )
    return differing
  })
}

/** A device's engine as its family reads the registers. */
export function judge(device: DeviceState): EngineState {
  return familyOf(device).judge(device.registers)
}

function describe(
  device: DeviceState,
  method: DeviceReading['method'],
  binding: Binding | undefined,
): string {
  const registers = Object.entries(device.registers).map(
    ([name, value]) => `${name} ${value === null ? '-' : `0x${hex(value, 1)}`}`,
  )
  const bound = binding ? `bound to ${[binding.driver, ...binding.inner].join(', ')}` : 'bound to no driver'
  return [
    `${device.address} ${pciId(device)} (${device.family}), ${bound} before the kexec; read ${where[method]}`,
    ...registers,
  ].join('; ')
}
