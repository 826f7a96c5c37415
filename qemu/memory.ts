/** A guest's kernel log, read back from its RAM when its console stays silent. */
import { UsageError } from '../harness/errors.ts'
import { findCommandLines, logReachBytes, readPrintkLog } from './printk-log.ts'
import type { QmpClient } from './qmp.ts'
import { GuestRam, type Piece, type SearchOptions } from './ram.ts'

export type RecoveredLog = {
  found: boolean
  /** The new kernel's messages, oldest first. */
  lines: string[]
  /** True when the kernel said that it runs its first program: user space was reached. */
  reachedInit: boolean
}

/** A record and the start of the one after it, across the border of two pieces. */
const overlapBytes = 8 * 1024

/**
 * Searches the guest's RAM for the log of the kernel whose command line contains `nonce`; logs of earlier
 * kernels stay in RAM across a kexec and have another nonce. Works on running and on stopped machines, for 64-bit
 * kernels from 5.10 on whose log has not wrapped. Takes two to five seconds per GiB.
 * Throws LabError when QEMU can't write the memory (no space) or is gone, an AbortError when the signal aborts.
 */
export async function recoverKernelLog(
  { qmp }: { qmp: QmpClient },
  nonce: string,
  { signal, onProgress }: Omit<SearchOptions, 'overlapBytes'> = {},
): Promise<RecoveredLog> {
  if (nonce === '') throw new UsageError('a kernel log can only be told from older ones by a nonce')
  await using ram = await GuestRam.open({ qmp }, signal)
  let best: string[] = []
  for await (const piece of ram.pieces({ signal, onProgress, overlapBytes })) {
    for (const at of findCommandLines(piece.memory)) {
      const around = { ...piece, address: piece.address + at }
      const lines = await readAround(ram, around, nonce, signal)
      if (lines !== undefined && lines.length > best.length) best = lines
    }
  }
  const reachedInit = best.some((line) => /(^|\] )Run \S+ as init process/.test(line))
  return { found: best.length > 0, lines: best, reachedInit }
}

async function readAround(
  ram: GuestRam,
  { address, range }: Pick<Piece, 'address' | 'range'>,
  nonce: string,
  signal: AbortSignal | undefined,
): Promise<string[] | undefined> {
  const start = Math.max(range.start, address - logReachBytes)
  const memory = await ram.read({ start, end: Math.min(range.end, address + logReachBytes) }, signal)
  return readPrintkLog(memory, address - start, nonce)
}
