/** When a handover went from one stretch of code into the next: breakpoints at the borders, without debug symbols. */
import { LabError } from '../harness/errors.ts'
import { type HeldArch, HeldGuest, type HeldTime } from './held-guest.ts'
import { type CountedMoment, executedNs, stopAndCount } from './icount.ts'
import { findHeadJump, findKernelEntry, findKernelJump } from './kernel-entry.ts'
import { type KexecSegment, type Kimage, readKimage } from './kimage.ts'
import type { Machine } from './machine.ts'
import type { QmpClient } from './qmp.ts'
import { parseRamRanges } from './ram.ts'

/** Moments of the host's monotonic clock, nanoseconds; null: that border was not found, and the next stretch has its time. */
export type Borders = {
  /** The old kernel's machine_kexec() begins: its drivers are shut down. Null where its address is hidden. */
  machineKexecNs: bigint | null
  /** The relocation is over: the new image is entered, purgatory or the kernel itself. */
  imageEntryNs: bigint
  /** The new kernel's first instruction; where there is no purgatory it is the moment before. */
  kernelEntryNs: bigint | null
  /** x86: the decompressor is over. Elsewhere, and for a kernel that is not compressed, null. */
  decompressedNs: bigint | null
  /** When the guest stood still: that time is no part of any stretch. */
  held: readonly HeldTime[]
  /** What had been executed at each border, oldest first, on a machine that counts it; else empty. */
  counted: readonly CountedMoment[]
  /** Where the relocation puts what; empty where struct kimage is not as it is known. */
  segments: KexecSegment[]
  /** Guest-physical address of the new kernel's first instruction; null where none was found. */
  kernelEntry: bigint | null
}

export type BordersWatch = AsyncDisposable & {
  /** Never rejects. */
  result: Promise<Borders | { failed: string }>
  /** To be called when the new kernel has said its first line, with the moment of that: no border comes after it. */
  end(atNs: bigint): void
}

/** The longest stretch between two borders, milliseconds: purgatory's digest, on a slow machine. */
const stretchLimitMs = 30 * 60_000

/**
 * Where to begin: the virtual address of machine_kexec() in the running kernel, which is called with the kimage, or else the
 * kimage itself, found in memory.
 */
export type BordersStart = bigint | Kimage

/**
 * Arms the first breakpoint and goes on from there by itself. Throws LabError when it can't be armed, with the guest running on.
 */
export async function watchBorders(
  machine: Pick<Machine, 'qmp' | 'accelerator'> & { arch: HeldArch },
  from: BordersStart,
  signal: AbortSignal,
): Promise<BordersWatch> {
  signal.throwIfAborted()
  const ram = parseRamRanges(await machine.qmp.humanMonitor('info mtree -f'))
  const guest = await HeldGuest.take(machine)
  const stop = new AbortController()
  const ended = AbortSignal.any([signal, stop.signal])
  const counts = machine.accelerator === 'icount'
  const firstLine = Promise.withResolvers<bigint | null>()
  const walked = walk({ ...{ guest, ram, from, counts }, ...machine, signal: ended }).finally(() =>
    guest.release(),
  )
  const result = (
    counts ? walked.then((borders) => withEnd(borders, machine, firstLine.promise)) : walked
  ).catch((error: Error) => ({ failed: error.message }))
  const end = (atNs: bigint | null) => {
    firstLine.resolve(atNs)
    stop.abort(new LabError('the new kernel came up, and its image was never seen to be entered'))
  }
  return {
    result,
    end,
    async [Symbol.asyncDispose]() {
      end(null)
      await result
    },
  }
}

/** Counts once more at the new kernel's first line, which is as late as the harness is. */
async function withEnd(
  borders: Borders,
  { qmp }: Pick<Machine, 'qmp'>,
  firstLine: Promise<bigint | null>,
): Promise<Borders> {
  const atNs = await firstLine
  if (atNs === null) return borders
  try {
    return { ...borders, counted: [...borders.counted, { atNs, executedNs: await stopAndCount(qmp) }] }
  } catch {
    // A machine that is gone by now; what was counted before is not.
    return borders
  }
}

type Walk = {
  guest: HeldGuest
  ram: ReturnType<typeof parseRamRanges>
  from: BordersStart
  arch: HeldArch
  qmp: QmpClient
  /** Whether the machine counts what it executes. */
  counts: boolean
  signal: AbortSignal
}

async function walk({ guest, ram, from, arch, qmp, counts, signal }: Walk): Promise<Borders> {
  const counted: CountedMoment[] = []
  const runTo = async (...where: Parameters<HeldGuest['runTo']>) => {
    const { atNs } = await guest.runTo(...where)
    if (counts) counted.push({ atNs, executedNs: await executedNs(qmp) })
    return atNs
  }
  const machineKexecNs = typeof from === 'bigint' ? await runTo(from, { signal }) : null
  const { start, segments } =
    typeof from === 'bigint' ? await readKimage(guest, await guest.firstArgument(), ram) : from
  const limits = { signal, timeoutMs: stretchLimitMs }
  const imageEntryNs = await runTo(start, limits)
  const entry = await findKernelEntry(guest, segments, arch)
  const kernelEntryNs = entry === null ? null : entry === start ? imageEntryNs : await runTo(entry, limits)
  const out = entry !== null && arch === 'x86_64' ? await findDecompressed(guest, entry, limits) : null
  const decompressedNs = out === null ? null : await runTo(out, limits)
  guest.resume()
  return {
    ...{ machineKexecNs, imageEntryNs, kernelEntryNs, decompressedNs },
    ...{ held: guest.held, counted, segments, kernelEntry: entry },
  }
}

/** Runs to the end of the decompressor, and says where the decompressed kernel is; null where its code is not as it is known. */
async function findDecompressed(
  guest: HeldGuest,
  entry: bigint,
  limits: { signal: AbortSignal; timeoutMs: number },
): Promise<bigint | null> {
  const head = await findHeadJump(guest, entry)
  if (head === null) return null
  await guest.runTo(head, limits)
  return await findKernelJump(guest, await guest.resultRegister())
}
