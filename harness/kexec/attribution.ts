/** Where the time between the old kernel's last line and the new kernel's first went. */
import type { Borders } from '../../qemu/handover-borders.ts'
import type { KexecSegment, Kimage } from '../../qemu/kimage.ts'
import type { PcSample } from '../../qemu/pc-sampling.ts'
import { msBetween } from '../clock.ts'
import { type GapPart, type GapParts, gapPartNames } from './outcome.ts'

type Ends = {
  /** The gap's two ends, host's monotonic clock, nanoseconds. */
  lastOldNs: bigint
  firstNewNs: bigint
  /** The new kernel's own time zero; null where its log does not tell. */
  kernelStartNs: bigint | null
}

/**
 * The parts of a gap. They sum up to its length without the time in which the guest stood still, since each begins where
 * the one before it ends; a border that was not found leaves its part null, and its time to the part before.
 */
export function attribute(borders: Borders, { lastOldNs, firstNewNs, kernelStartNs }: Ends): GapParts {
  const { machineKexecNs, imageEntryNs, kernelEntryNs, decompressedNs } = borders
  const kernelNs = decompressedNs ?? kernelEntryNs ?? imageEntryNs
  const firstMessageNs = clamp(kernelStartNs ?? firstNewNs, kernelNs, firstNewNs)
  const begins: Record<GapPart, bigint | null> = {
    shutdownTailMs: lastOldNs,
    relocationMs: machineKexecNs,
    // kexec_file_load on arm64 has no purgatory: the image is entered at the kernel.
    purgatoryMs: imageEntryNs === kernelEntryNs ? null : imageEntryNs,
    decompressMs: decompressedNs === null ? null : kernelEntryNs,
    earlyKernelMs: decompressedNs ?? kernelEntryNs,
    consoleWaitMs: firstMessageNs,
  }
  const parts = Object.fromEntries(gapPartNames.map((name) => [name, null])) as GapParts
  let endNs = firstNewNs
  for (const name of gapPartNames.toReversed()) {
    const begin = begins[name]
    if (begin === null) continue
    const beginNs = clamp(begin, lastOldNs, endNs)
    parts[name] = msBetween(beginNs, endNs) - foreignMs(borders, beginNs, endNs)
    endNs = beginNs
  }
  return parts
}

/** What is known of a loaded image while its samples are read. */
export type SampledImage = Pick<Borders, 'segments' | 'kernelEntry' | 'held'> & { compressed: boolean }

/**
 * The same from where the CPU was found again and again; undefined where no segment is known. A stretch begins half-way between
 * the last sample outside of it and its first.
 */
export function attributeBySamples(
  samples: readonly PcSample[],
  image: SampledImage,
  ends: Ends,
): GapParts | undefined {
  const begins = beginsOf(samples, image, ends)
  const entered = begins.purgatory ?? begins.decompress ?? begins.kernel
  if (entered === null) return undefined
  const { held, kernelEntry } = image
  return attribute(
    {
      // POWER's kernel copies at its own addresses: that is in the tail.
      machineKexecNs: begins.relocation,
      imageEntryNs: entered,
      kernelEntryNs: begins.decompress ?? begins.kernel,
      decompressedNs: begins.decompress === null ? null : begins.kernel,
      ...{ held, counted: [], segments: [], kernelEntry },
    },
    ends,
  )
}

/** When the samples first show the CPU in the relocation; null where it was over too soon for one. */
export function relocationBegan(
  samples: readonly PcSample[],
  image: SampledImage,
  ends: Pick<Ends, 'lastOldNs'>,
): bigint | null {
  return beginsOf(samples, image, ends).relocation
}

/**
 * What samples need of an image that was found in memory, without a look at its bytes: the kernel asks for more room than its
 * file has, for its own data, and for more than any other segment does (the initramfs asks for none).
 */
export function sampledImage({ segments }: Kimage, arch: string): SampledImage {
  const extra = ({ memsz, bufsz }: KexecSegment) => memsz - bufsz
  const kernel = segments.reduce((most, one) => (extra(one) > extra(most) ? one : most))
  return { segments, kernelEntry: kernel.mem, held: [], compressed: isCompressed(arch) }
}

/** Every kernel of x86 is compressed when it is loaded; those of others are not. */
export function isCompressed(arch: string): boolean {
  return arch === 'x86_64'
}

function beginsOf(
  samples: readonly PcSample[],
  image: SampledImage,
  { lastOldNs }: Pick<Ends, 'lastOldNs'>,
): Begins {
  const begins: Begins = { relocation: null, purgatory: null, decompress: null, kernel: null }
  const { segments, kernelEntry, held } = image
  // Until its last line the old kernel is at work, and its programs have addresses of their own.
  const moving = samples.filter(
    ({ atNs }) => atNs > lastOldNs && !held.some(({ fromNs, toNs }) => atNs >= fromNs && atNs <= toNs),
  )
  if (segments.length === 0 || kernelEntry === null || moving.length === 0) return begins
  let beforeNs = lastOldNs
  let place: Place = 'tail'
  for (const { atNs, pc } of moving) {
    const next = placeOf(pc, place, { ...image, kernelEntry })
    if (next !== place) begins[next as keyof Begins] ??= (beforeNs + atNs) / 2n
    place = next
    beforeNs = atNs
  }
  return begins
}

type Place = 'tail' | 'relocation' | 'purgatory' | 'decompress' | 'kernel'
type Begins = Record<Exclude<Place, 'tail'>, bigint | null>
const places: readonly Place[] = ['tail', 'relocation', 'purgatory', 'decompress', 'kernel']

/** Never back to an earlier place: what is copied over the old kernel has its addresses. */
function placeOf(pc: bigint, before: Place, image: SampledImage & { kernelEntry: bigint }): Place {
  const seen = seenAt(pc, places.indexOf(before) >= places.indexOf('decompress'), image)
  return places.indexOf(seen) > places.indexOf(before) ? seen : before
}

/** Where an address lies; `entered` says whether the new kernel was seen before. */
function seenAt(
  pc: bigint,
  entered: boolean,
  { segments, kernelEntry, compressed }: SampledImage & { kernelEntry: bigint },
): Place {
  if (pc >= 1n << 63n) return entered ? 'kernel' : 'tail'
  const segment = segments.find((one) => holds(one, pc))
  // A decompressed kernel's first instructions are where it chose to be.
  if (!segment) return entered ? 'kernel' : 'relocation'
  if (!holds(segment, kernelEntry)) return 'purgatory'
  return compressed ? 'decompress' : 'kernel'
}

function holds({ mem, memsz }: KexecSegment, address: bigint): boolean {
  return address >= mem && address < mem + BigInt(memsz)
}

/**
 * How much of the time between two moments is none of the guest's, milliseconds: it stood still or, on a machine that counts
 * instructions, its host took longer than they count for (less than nothing, where it took not as long).
 */
export function foreignMs(borders: Pick<Borders, 'held' | 'counted'>, fromNs: bigint, toNs: bigint): number {
  const { counted } = borders
  const excess = counted.slice(1).map((end, index) => {
    const begin = counted[index]!
    const hostMs = (from: bigint, to: bigint) => msBetween(from, to) - heldMs(borders, from, to)
    const wholeMs = hostMs(begin.atNs, end.atNs)
    if (wholeMs <= 0) return 0
    // A gap may begin between two borders: arm64 says its last words after the first.
    const sharedMs = hostMs(clamp(begin.atNs, fromNs, toNs), clamp(end.atNs, fromNs, toNs))
    return (wholeMs - msBetween(begin.executedNs, end.executedNs)) * (sharedMs / wholeMs)
  })
  return heldMs(borders, fromNs, toNs) + excess.reduce((sum, one) => sum + one, 0)
}

/** How long the guest stood still between two moments, milliseconds. */
export function heldMs({ held }: Pick<Borders, 'held'>, fromNs: bigint, toNs: bigint): number {
  return held.reduce((sum, one) => {
    const [from, to] = [clamp(one.fromNs, fromNs, toNs), clamp(one.toNs, fromNs, toNs)]
    return sum + msBetween(from, to)
  }, 0)
}

function clamp(ns: bigint, lowNs: bigint, highNs: bigint): bigint {
  return ns < lowNs ? lowNs : ns > highNs ? highNs : ns
}
