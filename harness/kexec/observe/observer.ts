/** Watching a cycle beyond its console: each observer gets ready before the execute, hears the lines, and looks again after. */

import type { Borders } from '../../../qemu/handover-borders.ts'
import type { Inspection } from '../../../qemu/inspection.ts'
import type { Kimage } from '../../../qemu/kimage.ts'
import type { PcSample } from '../../../qemu/pc-sampling.ts'
import type { Board } from '../../board/board.ts'
import type { Line } from '../../console/lines.ts'
import type { AuditResult } from '../../detect/audit.ts'
import type { Binding } from '../../detect/binding.ts'
import type { ObservedFinding } from '../../detect/handover-findings.ts'
import type { DeviceState } from '../../devices/family.ts'
import type { Stage } from '../handover.ts'
import type { CanaryResult } from './canary.ts'
import type { Downtime } from './downtime-record.ts'
import type { Observed } from './observed.ts'

/** What the observers of one cycle saw. */
export type Evidence = {
  /** Drivers that were bound to PCI devices just before the execute. */
  bindings: Binding[]
  /** The cold boot's probe: what firmware leaves. */
  control: readonly DeviceState[]
  inspection?: Inspection
  /** When the handover went from one stretch of code into the next. */
  borders?: Borders
  /** Where the first CPU was in the gap. */
  samples?: PcSample[]
  /** What was loaded, where it had to be searched for in memory. */
  kimage?: Kimage
  probe?: DeviceState[]
  shutdown?: AuditResult
  /** The slowest initcalls of the new kernel. */
  initcalls?: NonNullable<Observed['initcalls']>
  canary?: CanaryResult
  /** What differs between the device tree of generation 0 and that of the new kernel. */
  deviceTreeChanges?: string[]
  /** For how long the board did not answer its network. */
  downtime?: Downtime
  /** What could not be looked at, and why. */
  notes: string[]
}

export type Occasion = {
  board: Board
  evidence: Evidence
  signal: AbortSignal
}

/** None of these may throw for what it can't see: that is a note. */
export type Observer = {
  /** A kernel is loaded and the old kernel's shell answers; the execute comes next. */
  prepare?(occasion: Occasion): Promise<void>
  /** A console line, from the execute on, with the stage that the handover is in after it. */
  line?(line: Line, stage: Stage, occasion: Occasion): void
  /** The cycle is over; `ready` says whether the new kernel's shell answers. */
  finish?(occasion: Occasion, ready: boolean): Promise<void>
}

/**
 * What a session watches beyond the console, and what it makes of it. Made by observing.ts, which is loaded only where
 * something is watched: most boards' start need not wait for it.
 */
export type Observing = {
  /** What the command line of every generation needs so that there is something to observe. */
  parameters: string
  /** The observers of one cycle, in the order in which they get ready; `unbind` are PCI devices to unbind before. */
  observers(unbind: readonly string[]): Observer[]
  /** What the cold boot's probe said of the devices; nothing where there was none. */
  coldDevices(lines: readonly Line[]): DeviceState[]
  findings(evidence: Evidence): ObservedFinding[]
  /** What the journal keeps of it; undefined where nothing was looked for that has a place there. */
  record(evidence: Evidence): Observed | undefined
}

/** How long the board's shell may take for one command of an observer, milliseconds. */
export const commandTimeoutMs = 60_000

/** The observers of one cycle, in the order in which they get ready. */
export class Observation {
  readonly evidence: Evidence
  readonly #observers: readonly Observer[]
  readonly #occasion: Occasion

  constructor(observers: readonly Observer[], occasion: Omit<Occasion, 'evidence'>, control: DeviceState[]) {
    this.evidence = { bindings: [], control, notes: [] }
    this.#observers = observers
    this.#occasion = { ...occasion, evidence: this.evidence }
  }

  async prepare(): Promise<void> {
    for (const observer of this.#observers) await observer.prepare?.(this.#occasion)
  }

  line(line: Line, stage: Stage): void {
    for (const observer of this.#observers) observer.line?.(line, stage, this.#occasion)
  }

  /** In reverse order: what was set up last is taken down first. */
  async finish(ready: boolean): Promise<void> {
    for (const observer of this.#observers.toReversed()) await observer.finish?.(this.#occasion, ready)
  }
}
