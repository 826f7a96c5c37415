/** Everything that can be observed of a cycle, put together. */
import type { Descriptor } from '../../board/descriptor.ts'
import { auditFindings } from '../../detect/audit.ts'
import { handoverFindings, type ObservedFinding } from '../../detect/handover-findings.ts'
import { attributing } from './attribute.ts'
import { auditing, auditParameter } from './audit.ts'
import { bindingsObserver, unbinding } from './bindings.ts'
import { canaryFindings, watchingCanary } from './canary.ts'
import { type DeviceTreeMemory, deviceTreeFindings, watchingDeviceTree } from './device-tree.ts'
import { addressParameter, timingDowntime } from './downtime.ts'
import { type FaultModule, injecting } from './fault.ts'
import { inspecting } from './inspect.ts'
import { keepingBusy } from './io.ts'
import { LoadedImages } from './loaded-image.ts'
import type { Evidence, Observer, Observing } from './observer.ts'
import { devicesOf, probeParameter, probing } from './probe.ts'
import { readingsOf, recordOf } from './record.ts'

export type ObservingSettings = {
  descriptor: Pick<Descriptor, 'canary'>
  /** A device's shutdown that takes longer is a finding, milliseconds. */
  slowShutdownMs: number
  /** True: disks are read and frames sent to NICs while the kexec comes. */
  busy: boolean
  fault?: FaultModule | undefined
  /** True: the device tree of firmware is compared with that of each new kernel. */
  deviceTree?: boolean
  /** Offsets in the running kernel's structures, as images/guest/harness-audit takes them. */
  offsets: () => Promise<Record<string, string>>
}

/** What to observe in every cycle of a session. */
export function createObserving(settings: ObservingSettings): Observing {
  const { canary } = settings.descriptor
  const tree: DeviceTreeMemory = {}
  return {
    parameters: [probeParameter, auditParameter, canary?.reserve].filter(Boolean).join(' '),
    observers: (unbind) => [
      ...(settings.deviceTree ? [watchingDeviceTree(tree)] : []),
      ...observersOf(settings, unbind),
    ],
    coldDevices: (lines) => devicesOf(lines) ?? [],
    findings: (evidence) => findingsOf(evidence, settings),
    record: recordOf,
  }
}

/** Only the device tree, which every suite compares on boards whose firmware brings one. */
export function observeDeviceTree(): Observing {
  const tree: DeviceTreeMemory = {}
  return {
    parameters: '',
    observers: () => [watchingDeviceTree(tree)],
    coldDevices: () => [],
    findings: ({ deviceTreeChanges }) => deviceTreeFindings(deviceTreeChanges),
    record: () => undefined,
  }
}

/** Only where the gap goes: nothing else may add to it. */
export function observeGap(): Observing {
  const images = new LoadedImages()
  return {
    parameters: '',
    observers: () => [attributing(images)],
    coldDevices: () => [],
    findings: () => [],
    // Of cycles that have observers of their own.
    record: (evidence) => (evidence.shutdown || evidence.initcalls ? recordOf(evidence) : undefined),
  }
}

/** Only for how long the board does not answer its network. */
export function observeDowntime(descriptor: Descriptor): Observing {
  return {
    parameters: addressParameter({ descriptor }),
    observers: () => [timingDowntime()],
    coldDevices: () => [],
    findings: () => [],
    record: () => undefined,
  }
}

function observersOf(
  { descriptor: { canary }, fault, busy, offsets }: ObservingSettings,
  unbind: readonly string[],
): Observer[] {
  return [
    ...(busy ? [keepingBusy()] : []),
    ...(fault ? [injecting(fault, canary?.address)] : []),
    // Noted before anything is unbound: bisecting asks what there is to unbind.
    bindingsObserver,
    ...(unbind.length > 0 ? [unbinding(unbind)] : []),
    ...(canary ? [watchingCanary(canary)] : []),
    probing(),
    auditing(offsets),
    // Last, so that nothing else is typed while a debugger is attached.
    inspecting(),
  ]
}

function findingsOf(evidence: Evidence, { slowShutdownMs }: ObservingSettings): ObservedFinding[] {
  const { bindings, control, shutdown, canary } = evidence
  const handover = handoverFindings({ bindings, control, readings: readingsOf(evidence) })
  const suspects = handover.filter(({ id }) => id === 'dma-left-active')
  return [
    ...(shutdown ? auditFindings(shutdown, { slowMs: slowShutdownMs }) : []),
    ...handover,
    ...deviceTreeFindings(evidence.deviceTreeChanges),
    ...(canary ? canaryFindings(canary, suspects) : []),
  ]
}
