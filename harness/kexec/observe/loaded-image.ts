/** What is loaded for a kexec, where the running kernel does not say: found in the board's memory. */
import type { Kimage } from '../../../qemu/kimage.ts'
import type { Occasion } from './observer.ts'

/** Remembers what lay in memory before: what an earlier kernel had loaded is still there. */
export class LoadedImages {
  readonly #earlier = new Set<string>()

  /** The image that the execute is going to enter; undefined, with a note, where it can't be told. */
  async find({ board, evidence, signal }: Occasion): Promise<Kimage | undefined> {
    if (!board.findKimages) return undefined
    const found = new Map((await board.findKimages(signal)).map((kimage) => [keyOf(kimage), kimage]))
    const fresh = [...found].filter(([key]) => !this.#earlier.has(key))
    for (const key of found.keys()) this.#earlier.add(key)
    // The same kernel is often loaded to the same places again: then the old one says all that there is to know.
    const candidates = fresh.length > 0 ? fresh.map(([, kimage]) => kimage) : [...found.values()]
    if (candidates.length === 1) return candidates[0]
    evidence.notes.push(
      candidates.length === 0
        ? 'no struct kimage was found in memory: the gap is not taken apart'
        : `${candidates.length} loaded images lie in memory, and which of them is entered can't be told: the gap is not taken apart`,
    )
    return undefined
  }
}

function keyOf({ start, segments }: Kimage): string {
  return [start, ...segments.flatMap(({ mem, bufsz, memsz }) => [mem, bufsz, memsz])].join(' ')
}
