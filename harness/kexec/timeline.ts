/** The moments of one cycle, and the phases between them. */
import type { Borders } from '../../qemu/handover-borders.ts'
import type { Kimage } from '../../qemu/kimage.ts'
import type { PcSample } from '../../qemu/pc-sampling.ts'
import type { Descriptor } from '../board/descriptor.ts'
import { msBetween } from '../clock.ts'
import {
  attribute,
  attributeBySamples,
  foreignMs,
  isCompressed,
  relocationBegan,
  sampledImage,
} from './attribution.ts'
import { type Handover, kernelStartNs } from './handover.ts'
import type { Gap, MarkName, Phases } from './outcome.ts'

export class Timeline {
  readonly #times = new Map<MarkName, bigint>()

  /** Notes when something happened: CLOCK_MONOTONIC, nanoseconds. */
  mark(name: MarkName, atNs: bigint): void {
    this.#times.set(name, atNs)
  }

  phases(): Phases {
    return {
      loadMs: this.#between('load', 'loaded'),
      shutdownMs: this.#between('exec', 'last-old-line'),
      gapMs: this.#between('last-old-line', 'first-new-line'),
      startupMs: this.#between('first-new-line', 'init'),
      userspaceMs: this.#between('init', 'ready'),
      choiceToReadyMs: this.#between('chosen', 'ready'),
      totalMs: this.#between('exec', 'ready'),
    }
  }

  #between(from: MarkName, to: MarkName): number | undefined {
    const [start, end] = [this.#times.get(from), this.#times.get(to)]
    return start === undefined || end === undefined ? undefined : msBetween(start, end)
  }
}

type Looks = {
  /** How much of the gap's time is none of the guest's: it was stopped to be looked at. */
  inspectionMs?: number | undefined
  uncertaintyMs?: number | undefined
  /** Where the gap's parts begin. */
  borders?: Borders | undefined
  /** Where the first CPU was in the gap. */
  samples?: readonly PcSample[] | undefined
  /** What was loaded, where it had to be searched for in memory. */
  kimage?: Kimage | undefined
}

/** How much of the time between the gap's two ends is none of the guest's, milliseconds; undefined where nothing looked. */
export function foreignInGap({ borders: ends }: Handover, borders: Borders | undefined): number | undefined {
  if (!borders || !ends.lastOld || !ends.firstNew) return undefined
  return foreignMs(borders, ends.lastOld.atNs, ends.firstNew.atNs)
}

/**
 * What the two ends of a handover's gap were, and its parts; undefined where it did not reach its second end.
 * `inspectionMs` is how much of its time is none of the guest's, `uncertaintyMs` by how much either end may be late.
 */
export function describeGap(
  { borders: ends, newLines }: Handover,
  { earlyConsole, arch }: Pick<Descriptor, 'earlyConsole' | 'arch'>,
  { inspectionMs, uncertaintyMs, borders, kimage, samples = [] }: Looks = {},
): Gap | undefined {
  const { lastOld, firstNew } = ends
  if (!lastOld || !firstNew) return undefined
  const start = kernelStartNs(newLines)
  const times = { lastOldNs: lastOld.atNs, firstNewNs: firstNew.atNs, kernelStartNs: start }
  const foreignUntil = (atNs: bigint) =>
    borders ? foreignMs(borders, lastOld.atNs, atNs) : (inspectionMs ?? 0)
  const image = borders
    ? { ...borders, compressed: isCompressed(arch) }
    : kimage && sampledImage(kimage, arch)
  const sampled = image && attributeBySamples(samples, image, times)
  // A kernel that hides its symbols has no breakpoint where the relocation begins: only the samples saw that.
  const followed = borders &&
    image && {
      ...borders,
      machineKexecNs: borders.machineKexecNs ?? relocationBegan(samples, image, times),
    }
  return {
    lastLine: lastOld.text.slice(0, 500),
    firstLine: firstNew.text.slice(0, 500),
    toKernelStartMs: start === null ? null : msBetween(lastOld.atNs, start) - foreignUntil(start),
    ...(inspectionMs === undefined ? {} : { inspectionMs }),
    ...(uncertaintyMs === undefined ? {} : { uncertaintyMs }),
    ...(followed ? { ...attribute(followed, times), sampled } : sampled),
    method: followed ? methodOf(followed) : sampled ? 'sampling' : 'console',
    earlyConsole,
  }
}

function methodOf({ counted }: Borders): Gap['method'] {
  return counted.length > 0 ? 'instructions' : 'breakpoints'
}

/** Time that is none of the guest's is no part of its gap. */
export function withoutForeign(phases: Phases, inspectionMs: number | undefined): Phases {
  if (inspectionMs === undefined || phases.gapMs === undefined) return phases
  const { totalMs } = phases
  return {
    ...phases,
    gapMs: Math.max(0, phases.gapMs - inspectionMs),
    ...(totalMs === undefined ? {} : { totalMs: totalMs - inspectionMs }),
  }
}
