/** When a handover went from one stretch of code into the next: breakpoints at the borders, without debug symbols. */
import { LabError } from '../harness/errors.ts'
import { type HeldArch, HeldGuest, type HeldTime } from './held-guest.ts'
import { findHeadJump, findKernelEntry, findKernelJump } from './kernel-entry.ts'
import { type KexecSegment, type Kimage, readKimage } from './kimage.ts'
import type { Machine } from './machine.ts'
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
  /** Where the relocation puts what; empty where struct kimage is not as it is known. */
  segments: KexecSegment[]
  /** Guest-physical address of the new kernel's first instruction; null where none was found. */
  kernelEntry: bigint | null
}

export type BordersWatch = AsyncDisposable & {
  /** Never rejects. */
  result: Promise<Borders | { failed: string }>
  /** To be called when the new kernel has said its first line: no border comes after it. */
  end(): void
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
  machine: Pick<Machine, 'qmp'> & { arch: HeldArch },
  from: BordersStart,
  signal: AbortSignal,
): Promise<BordersWatch> {
  signal.throwIfAborted()
  const ram = parseRamRanges(await machine.qmp.humanMonitor('info mtree -f'))
  const guest = await HeldGuest.take(machine)
  const stop = new AbortController()
  const ended = AbortSignal.any([signal, stop.signal])
  const walked = walk({ guest, ram, from, arch: machine.arch, signal: ended })
  const result = walked.catch((error: Error) => ({ failed: error.message })).finally(() => guest.release())
  const end = () =>
    stop.abort(new LabError('the new kernel came up, and its image was never seen to be entered'))
  return {
    result,
    end,
    async [Symbol.asyncDispose]() {
      end()
      await result
    },
  }
}

type Walk = {
  guest: HeldGuest
  ram: ReturnType<typeof parseRamRanges>
  from: BordersStart
  arch: HeldArch
  signal: AbortSignal
}

async function walk({ guest, ram, from, arch, signal }: Walk): Promise<Borders> {
  const atKexec = typeof from === 'bigint' ? await guest.runTo(from, { signal }) : undefined
  const { start, segments } =
    typeof from === 'bigint' ? await readKimage(guest, await guest.firstArgument(), ram) : from
  const limits = { signal, timeoutMs: stretchLimitMs }
  const imageEntry = await guest.runTo(start, limits)
  const entry = await findKernelEntry(guest, segments, arch)
  const kernelEntry =
    entry === null ? undefined : entry === start ? imageEntry : await guest.runTo(entry, limits)
  const decompressedNs = entry !== null && arch === 'x86_64' ? await decompressed(guest, entry, limits) : null
  guest.resume()
  return {
    machineKexecNs: atKexec?.atNs ?? null,
    imageEntryNs: imageEntry.atNs,
    kernelEntryNs: kernelEntry?.atNs ?? null,
    decompressedNs,
    held: guest.held,
    segments,
    kernelEntry: entry,
  }
}

/** From the decompressor's first instruction to the decompressed kernel's; null where its code is not as it is known. */
async function decompressed(
  guest: HeldGuest,
  entry: bigint,
  limits: { signal: AbortSignal; timeoutMs: number },
): Promise<bigint | null> {
  const head = await findHeadJump(guest, entry)
  if (head === null) return null
  await guest.runTo(head, limits)
  const out = await findKernelJump(guest, await guest.resultRegister())
  return out === null ? null : (await guest.runTo(out, limits)).atNs
}
