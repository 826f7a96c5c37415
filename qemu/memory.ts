/** A guest's kernel log, read back from its RAM when its console stays silent. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { LabError, UsageError } from '../harness/errors.ts'
import { findCommandLines, logReachBytes, readPrintkLog } from './printk-log.ts'
import type { QmpClient } from './qmp.ts'
import { privateFolder, removeFolder } from './sockets.ts'

/** Guest-physical addresses; `end` is the first one after the range. */
export type MemoryRange = { start: number; end: number }

export type RecoveredLog = {
  found: boolean
  /** The new kernel's messages, oldest first. */
  lines: string[]
  /** True when the kernel said that it runs its first program: user space was reached. */
  reachedInit: boolean
}

export type RecoverOptions = {
  signal?: AbortSignal
  /** Called as RAM is searched. */
  onProgress?: (doneBytes: number, totalBytes: number) => void
}

/** The guest and its console stand still while QEMU writes a piece, so that pieces are small. */
const pieceBytes = 32 * 1024 * 1024
/** A record and the start of the one after it, across the border of two pieces. */
const overlapBytes = 8 * 1024
const saveTimeoutMs = 60_000

/**
 * Searches the guest's RAM for the log of the kernel whose command line contains `nonce`; logs of earlier
 * kernels stay in RAM across a kexec and have another nonce. Works on running and on stopped machines, for 64-bit
 * kernels from 5.10 on whose log has not wrapped. Takes two to five seconds per GiB.
 * Throws LabError when QEMU can't write the memory (no space) or is gone, an AbortError when the signal aborts.
 */
export async function recoverKernelLog(
  { qmp }: { qmp: QmpClient },
  nonce: string,
  { signal, onProgress }: RecoverOptions = {},
): Promise<RecoveredLog> {
  if (nonce === '') throw new UsageError('a kernel log can only be told from older ones by a nonce')
  const ranges = parseRamRanges(await qmp.humanMonitor('info mtree -f', { signal }))
  const totalBytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  const folder = await folderInMemory()
  const buffer = Buffer.allocUnsafe(pieceBytes + overlapBytes)
  const read = (range: MemoryRange, into?: Buffer<ArrayBuffer>) =>
    readMemory(qmp, range, join(folder, 'piece'), signal, into)
  let best: string[] = []
  let doneBytes = 0
  try {
    for (const range of ranges) {
      for (let start = range.start; start < range.end; start += pieceBytes) {
        const end = Math.min(start + pieceBytes, range.end)
        const memory = await read({ start, end: Math.min(end + overlapBytes, range.end) }, buffer)
        for (const at of findCommandLines(memory)) {
          const lines = await readAround(read, range, start + at, nonce)
          if (lines !== undefined && lines.length > best.length) best = lines
        }
        doneBytes += end - start
        onProgress?.(doneBytes, totalBytes)
      }
    }
  } finally {
    await removeFolder(folder)
  }
  const reachedInit = best.some((line) => /(^|\] )Run \S+ as init process/.test(line))
  return { found: best.length > 0, lines: best, reachedInit }
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

/** Reads guest-physical memory through a temporary file that QEMU writes. */
async function readMemory(
  qmp: QmpClient,
  { start, end }: MemoryRange,
  path: string,
  signal: AbortSignal | undefined,
  into = Buffer.allocUnsafe(end - start),
): Promise<Buffer> {
  const size = end - start
  await qmp.execute('pmemsave', { val: start, size, filename: path }, { signal, timeoutMs: saveTimeoutMs })
  await using file = await open(path)
  const { bytesRead } = await file.read(into, 0, size, 0)
  if (bytesRead !== size) throw new LabError(`QEMU wrote ${bytesRead} of ${size} bytes of the guest's memory`)
  return into.subarray(0, size)
}

async function readAround(
  read: (range: MemoryRange) => Promise<Buffer>,
  range: MemoryRange,
  address: number,
  nonce: string,
): Promise<string[] | undefined> {
  const start = Math.max(range.start, address - logReachBytes)
  const memory = await read({ start, end: Math.min(range.end, address + logReachBytes) })
  return readPrintkLog(memory, address - start, nonce)
}
