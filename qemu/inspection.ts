/** The state of a machine's devices between its old and its new kernel. */
import type { DeviceState } from '../harness/devices/family.ts'
import { watchByBreakpoint } from './inspection-breakpoint.ts'
import { watchByPolling } from './inspection-polling.ts'
import type { Machine } from './machine.ts'

export type Inspection = {
  /** `breakpoint`: at the very moment when the old kernel had done its last; `polling`: some moment in the gap. */
  method: 'breakpoint' | 'polling'
  devices: DeviceState[]
  /** Monotonic clock of the moment that the devices were read at. */
  atNs: bigint
  /** How long the guest stood still between the old and the new kernel, in milliseconds. */
  stoppedMs: number
  /** Guest-physical address at which the new image was entered; null where it is not known. */
  entry: bigint | null
}

/** A watch over one handover. Closing it ends it and leaves the guest running. */
export type HandoverWatch = AsyncDisposable & {
  /** Never rejects. */
  result: Promise<Inspection | { failed: string }>
  /** To be called when the old kernel has said its last line. */
  poll(): void
  /** To be called when the new kernel has said its first line: from then on it has devices of its own. */
  endPolling(): void
}

export type WatchOptions = {
  /**
   * Virtual address of the running kernel's function machine_kexec, as /proc/kallsyms has it: the devices are read when the
   * new image is entered, in a stop of some 50 ms. null: they are read again and again between `poll` and `endPolling`,
   * while the guest runs.
   */
  machineKexec: bigint | null
  /** Ends the watch as closing it does. */
  signal?: AbortSignal
}

/** Arms a watch. Throws LabError when it can't be armed, with the guest running on, and the signal's reason. */
export async function watchHandover(
  machine: Pick<Machine, 'qmp' | 'arch'>,
  { machineKexec, signal }: WatchOptions,
): Promise<HandoverWatch> {
  signal?.throwIfAborted()
  const { arch, qmp } = machine
  if (arch === 'ppc64le') return notWatched(`those of a ${arch} machine can't be read from outside`)
  return machineKexec === null
    ? await watchByPolling(machine, signal)
    : await watchByBreakpoint({ arch, qmp }, machineKexec, signal)
}

function notWatched(failed: string): HandoverWatch {
  return {
    result: Promise.resolve({ failed }),
    poll: () => {},
    endPolling: () => {},
    [Symbol.asyncDispose]: async () => {},
  }
}
