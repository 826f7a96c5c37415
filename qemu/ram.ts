/** A guest's RAM, read piece by piece through files that QEMU writes. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { LabError } from '../harness/errors.ts'
import type { QmpClient } from './qmp.ts'
import { privateFolder, removeFolder } from './sockets.ts'

/** Guest-physical addresses; `end` is the first one after the range. */
export type MemoryRange = { start: number; end: number }

/** Some of the RAM: `address` is that of the first byte. The next piece has the same buffer. */
export type Piece = { address: number; memory: Buffer; range: MemoryRange }

export type SearchOptions = {
  signal?: AbortSignal | undefined
  /** Called as RAM is searched. */
  onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
  /** Bytes of the next piece that each piece has too: what lies across the border is whole in one of them. */
  overlapBytes?: number
}

/** The guest and its console stand still while QEMU writes a piece, so that pieces are small. */
const pieceBytes = 32 * 1024 * 1024
const saveTimeoutMs = 60_000

/** RAM of a machine that runs or stands still. What it can't read it throws as LabError (no space, QEMU is gone). */
export class GuestRam implements AsyncDisposable {
  readonly ranges: readonly MemoryRange[]
  readonly #qmp: QmpClient
  readonly #folder: string

  private constructor(qmp: QmpClient, ranges: readonly MemoryRange[], folder: string) {
    this.#qmp = qmp
    this.ranges = ranges
    this.#folder = folder
  }

  static async open({ qmp }: { qmp: QmpClient }, signal?: AbortSignal): Promise<GuestRam> {
    const ranges = parseRamRanges(await qmp.humanMonitor('info mtree -f', { signal }))
    return new GuestRam(qmp, ranges, await folderInMemory())
  }

  /** All of it, lowest address first. Takes one to two seconds per GiB. */
  async *pieces({ signal, onProgress, overlapBytes = 0 }: SearchOptions = {}): AsyncGenerator<Piece> {
    const totalBytes = this.ranges.reduce((sum, { start, end }) => sum + end - start, 0)
    const buffer = Buffer.allocUnsafe(pieceBytes + overlapBytes)
    let doneBytes = 0
    for (const range of this.ranges) {
      for (let start = range.start; start < range.end; start += pieceBytes) {
        const end = Math.min(start + pieceBytes, range.end)
        const reach = { start, end: Math.min(end + overlapBytes, range.end) }
        yield { address: start, memory: await this.read(reach, signal, buffer), range }
        doneBytes += end - start
        onProgress?.(doneBytes, totalBytes)
      }
    }
  }

  async read(
    { start, end }: MemoryRange,
    signal?: AbortSignal,
    into = Buffer.allocUnsafe(end - start),
  ): Promise<Buffer> {
    const size = end - start
    const filename = join(this.#folder, 'piece')
    await this.#qmp.execute('pmemsave', { val: start, size, filename }, { signal, timeoutMs: saveTimeoutMs })
    await using file = await open(filename)
    const { bytesRead } = await file.read(into, 0, size, 0)
    if (bytesRead !== size)
      throw new LabError(`QEMU wrote ${bytesRead} of ${size} bytes of the guest's memory`)
    return into.subarray(0, size)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeFolder(this.#folder)
  }
}

/** RAM of the machine from `info mtree -f`, sorted and merged; video memory and ROM are left out. */
export function parseRamRanges(mtree: string): MemoryRange[] {
  const entries = mtree.matchAll(/^\s*([\da-f]{16})-([\da-f]{16}) \(prio -?\d+, ram\): (\S+)/gm)
  const ranges = [...entries]
    .filter(([, , , name]) => !/vram|vga|\.rom|flash|bios/i.test(name!))
    .map(([, start, end]) => ({ start: Number(`0x${start}`), end: Number(`0x${end}`) + 1 }))
    .sort((a, b) => a.start - b.start)
  const merged: MemoryRange[] = []
  for (const range of ranges) {
    const last = merged.at(-1)
    if (last !== undefined && range.start <= last.end) last.end = Math.max(last.end, range.end)
    else merged.push({ ...range })
  }
  return merged
}

/** Files in /dev/shm cost half the time of files on a disk. */
async function folderInMemory(): Promise<string> {
  try {
    return await privateFolder('/dev/shm')
  } catch {
    return await privateFolder()
  }
}
