/** struct kimage of a kernel that is about to kexec: what is copied where, and where the machine goes on. */
import { LabError } from '../harness/errors.ts'
import type { HeldGuest } from './held-guest.ts'
import type { QmpClient } from './qmp.ts'
import { GuestRam, type MemoryRange } from './ram.ts'

/** A piece of the new image at its place: `bufsz` bytes are copied there, the rest of `memsz` is zeroed. */
export type KexecSegment = { mem: bigint; bufsz: number; memsz: number }

export type Kimage = {
  /** Guest-physical address at which the new image is entered: that of purgatory where there is one. */
  start: bigint
  segments: KexecSegment[]
}

/**
 * include/linux/kexec.h: head, entry, last_entry, start, control_code_page, swap_page, vmcoreinfo_data_copy, nr_segments and
 * segment[16], each segment of buf, bufsz, mem, memsz; all of 8 bytes, and the same from 4.13 (5.10, 6.1, 6.12, 7.2 tried).
 */
const layout = {
  controlCodePage: 32,
  start: 24,
  segmentCount: 56,
  segments: 64,
  mostSegments: 16,
  segmentBytes: 32,
}
const kimageBytes = layout.segments + layout.mostSegments * layout.segmentBytes
/** Nothing is ever loaded into the first page. */
const lowest = 0x1000n

/** Reads it at a guest-virtual address. Throws LabError where it names an entry that is not in RAM. */
export async function readKimage(
  guest: HeldGuest,
  address: bigint,
  ram: readonly MemoryRange[],
): Promise<Kimage> {
  const { start, segments } = parse(await guest.readMemory(address, kimageBytes))
  if (!isRam(start, ram))
    throw new LabError(`struct kimage names 0x${start.toString(16)} as the entry, where the guest has no RAM`)
  // A kernel with another layout: then only the entry is known.
  return { start, segments: segments.every((segment) => fits(segment, ram)) ? segments : [] }
}

/**
 * Every kimage that lies in the guest's RAM, with no symbol of its kernel: that of what is loaded, and perhaps those of
 * earlier loads, also by earlier kernels. Told by what its fields must be to each other. The guest may run.
 * Throws LabError when QEMU can't write the memory or is gone, an AbortError when the signal aborts.
 */
export async function findKimages(machine: { qmp: QmpClient }, signal?: AbortSignal): Promise<Kimage[]> {
  await using ram = await GuestRam.open(machine, signal)
  const found: Kimage[] = []
  for await (const { memory } of ram.pieces({ signal })) {
    // kimage is some 750 bytes from kzalloc(): objects of 1 KiB that begin at multiples of it (Documentation/core-api/
    // memory-allocation.rst: powers of two are aligned). Pieces are too, so that none lies across a border.
    for (let at = 0; at + kimageBytes <= memory.length; at += 1024) {
      const count = memory.readUInt32LE(at + layout.segmentCount)
      if (count < 2 || count > layout.mostSegments) continue
      const kimage = plausible(memory.subarray(at, at + kimageBytes), ram.ranges)
      if (kimage) found.push(kimage)
    }
  }
  return found
}

function parse(bytes: Buffer): Kimage {
  const count = bytes.readBigUInt64LE(layout.segmentCount)
  const segments: KexecSegment[] = []
  for (let index = 0; index < Math.min(Number(count), layout.mostSegments); index++) {
    const at = layout.segments + index * layout.segmentBytes
    const [bufsz, mem, memsz] = [8, 16, 24].map((offset) => bytes.readBigUInt64LE(at + offset))
    segments.push({ mem: mem!, bufsz: Number(bufsz), memsz: Number(memsz) })
  }
  return { start: bytes.readBigUInt64LE(layout.start), segments }
}

/** A kimage of a load into ordinary memory: whole pages in RAM, in order and apart, and entered in one of them. */
function plausible(bytes: Buffer, ram: readonly MemoryRange[]): Kimage | undefined {
  // High half of the count, and the struct page of the code that copies.
  if (bytes.readUInt32LE(layout.segmentCount + 4) !== 0) return undefined
  if (bytes.readBigUInt64LE(layout.controlCodePage) < 1n << 63n) return undefined
  const kimage = parse(bytes)
  const { start, segments } = kimage
  if (!segments.every((segment) => fits(segment, ram))) return undefined
  const inOrder = segments.toSorted((one, other) => (one.mem < other.mem ? -1 : 1))
  const apart = inOrder.every((one, index) => index === 0 || endOf(inOrder[index - 1]!) <= one.mem)
  const entered = segments.some((segment) => start >= segment.mem && start < endOf(segment))
  return apart && entered ? kimage : undefined
}

function fits(segment: KexecSegment, ram: readonly MemoryRange[]): boolean {
  const { mem, bufsz, memsz } = segment
  const wholePages = mem % 4096n === 0n && memsz > 0 && memsz % 4096 === 0
  return wholePages && bufsz <= memsz && isRam(mem, ram) && isRam(endOf(segment) - 1n, ram)
}

function endOf({ mem, memsz }: KexecSegment): bigint {
  return mem + BigInt(memsz)
}

function isRam(address: bigint, ram: readonly MemoryRange[]): boolean {
  return address >= lowest && ram.some(({ start, end }) => address >= start && address < end)
}
