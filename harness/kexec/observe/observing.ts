/** What a session watches beyond the console, cycle by cycle, and what it makes of it. */
import type { Board } from '../../board/board.ts'
import type { Descriptor } from '../../board/descriptor.ts'
import { auditFindings } from '../../detect/audit.ts'
import { driverOf, handoverFindings, type ObservedFinding } from '../../detect/handover-findings.ts'
import { auditing, auditParameter } from './audit.ts'
import { bindingsObserver, unbinding } from './bindings.ts'
import { canaryFindings, watchingCanary } from './canary.ts'
import { type FaultModule, injecting } from './fault.ts'
import { inspecting } from './inspect.ts'
import { keepingBusy } from './io.ts'
import type { Evidence, Observer } from './observer.ts'
import { probeParameter, probing } from './probe.ts'
import { readingsOf } from './record.ts'

export type Observing = {
  /** A device's shutdown that takes longer is a finding, milliseconds. */
  slowShutdownMs: number
  /** True: disks are read and frames sent to NICs while the kexec comes. */
  busy: boolean
  fault?: FaultModule | undefined
  /** Offsets in the running kernel's structures, as images/guest/harness-audit takes them. */
  offsets: () => Promise<Record<string, string>>
}

/** What the command line of every generation needs so that there is something to observe. */
export function observingParameters({ canary }: Descriptor): string {
  return [probeParameter, auditParameter, canary?.reserve].filter(Boolean).join(' ')
}

/** The observers of one cycle, in the order in which they get ready; `unbind` are devices to unbind before. */
export function observersOf(
  observing: Observing,
  { descriptor }: Board,
  unbind: readonly string[] = [],
): Observer[] {
  const { fault, busy, offsets } = observing
  const { canary } = descriptor
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

/** Everything that the evidence of one cycle shows to be wrong. */
export function findingsOf(evidence: Evidence, { slowShutdownMs }: Observing): ObservedFinding[] {
  const { bindings, control, shutdown, canary } = evidence
  const handover = handoverFindings({ bindings, control, readings: readingsOf(evidence) })
  const suspects = handover.filter(({ id }) => id === 'dma-left-active')
  return [
    ...(shutdown ? auditFindings(shutdown, { slowMs: slowShutdownMs }) : []),
    ...handover,
    ...(canary ? canaryFindings(canary, suspects) : []),
  ]
}

/** Names the driver that was bound to a finding's device, where its text did not. */
export function withDriver<F extends { device: string | null; driver: string | null }>(
  finding: F,
  { bindings }: Pick<Evidence, 'bindings'>,
): F {
  if (finding.driver !== null || finding.device === null) return finding
  const binding = bindings.find(({ device }) => device === finding.device)
  return binding ? { ...finding, driver: driverOf(binding) } : finding
}
