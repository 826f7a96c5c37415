/**
 * Devices read at the entry of the new image: that is after the old kernel's last instruction and before purgatory's first.
 * The console's last line would be too early: x86 prints it before its drivers are shut down.
 */
import { msBetween } from '../harness/clock.ts'
import { LabError } from '../harness/errors.ts'
import { type HeldArch, HeldGuest } from './held-guest.ts'
import type { HandoverWatch, Inspection } from './inspection.ts'
import { readKimage } from './kimage.ts'
import type { Machine } from './machine.ts'
import { PciReader } from './pci.ts'
import { type MemoryRange, parseRamRanges } from './ram.ts'

type Source = Pick<Machine, 'qmp'> & { arch: HeldArch }

/** From machine_kexec to the entry it takes as long as copying the segments: half a second at most, seen under TCG. */
const relocationTimeoutMs = 30_000

/** Stops the guest for the moment that it takes to set a breakpoint on machine_kexec. */
export async function watchByBreakpoint(
  machine: Source,
  machineKexec: bigint,
  signal: AbortSignal | undefined,
): Promise<HandoverWatch> {
  const ram = parseRamRanges(await machine.qmp.humanMonitor('info mtree -f'))
  const reader = await PciReader.open(machine)
  const guest = await HeldGuest.take(machine)
  try {
    // The first reading looks up what the one that counts need not look up any more.
    await reader.read()
    await guest.setBreakpoint(machineKexec)
    signal?.throwIfAborted()
    guest.resume()
  } catch (error) {
    await guest.release()
    throw error
  }
  const stop = new AbortController()
  const inspection = inspect({
    ...{ guest, reader, ram, machineKexec },
    signal: signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]),
  })
  const result = inspection
    .catch((error: Error) => ({ failed: error.message }))
    .finally(() => guest.release())
  return {
    result,
    poll: () => {},
    endPolling: () => stop.abort(new LabError('the new kernel came up, and machine_kexec was never called')),
    [Symbol.asyncDispose]: async () => {
      stop.abort(new LabError('the watch was closed before the new image was entered'))
      await result
    },
  }
}

type Watched = {
  guest: HeldGuest
  reader: PciReader
  ram: readonly MemoryRange[]
  machineKexec: bigint
  signal: AbortSignal
}

async function inspect({ guest, reader, ram, machineKexec, signal }: Watched): Promise<Inspection> {
  await guest.reach(machineKexec, { signal })
  const { start: entry } = await readKimage(guest, await guest.firstArgument(), ram)
  await guest.removeBreakpoint(machineKexec)
  const { atNs } = await guest.runTo(entry, { signal, timeoutMs: relocationTimeoutMs })
  const devices = await reader.read()
  guest.resume()
  const stoppedMs = guest.held.reduce((sum, { fromNs, toNs }) => sum + msBetween(fromNs, toNs), 0)
  return { method: 'breakpoint', devices, atNs, stoppedMs, entry }
}
