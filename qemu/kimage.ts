/** struct kimage of a kernel that is about to kexec: what is copied where, and where the machine goes on. */
import { LabError } from '../harness/errors.ts'
import type { HeldGuest } from './held-guest.ts'
import type { MemoryRange } from './memory.ts'

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
const layout = { start: 24, segmentCount: 56, segments: 64, mostSegments: 16, segmentBytes: 32 }

/** Reads it at a guest-virtual address. Throws LabError where it names an entry that is not in RAM. */
export async function readKimage(
  guest: HeldGuest,
  address: bigint,
  ram: readonly MemoryRange[],
): Promise<Kimage> {
  const bytes = await guest.readMemory(address, layout.segments + layout.mostSegments * layout.segmentBytes)
  const start = bytes.readBigUInt64LE(layout.start)
  // Nothing is ever loaded into the first page.
  if (start < 0x1000n || !isRam(start, ram))
    throw new LabError(`struct kimage names 0x${start.toString(16)} as the entry, where the guest has no RAM`)
  const count = Number(bytes.readBigUInt64LE(layout.segmentCount))
  const segments: KexecSegment[] = []
  for (let index = 0; index < Math.min(count, layout.mostSegments); index++) {
    const at = layout.segments + index * layout.segmentBytes
    const [bufsz, mem, memsz] = [8, 16, 24].map((offset) => bytes.readBigUInt64LE(at + offset))
    segments.push({ mem: mem!, bufsz: Number(bufsz), memsz: Number(memsz) })
  }
  // A kernel with another layout: then only the entry is known.
  const fits = segments.every(({ mem, bufsz, memsz }) => isRam(mem, ram) && bufsz <= memsz)
  return { start, segments: fits ? segments : [] }
}

function isRam(address: bigint, ram: readonly MemoryRange[]): boolean {
  return ram.some(({ start, end }) => address >= start && address < end)
}
