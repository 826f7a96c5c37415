/** The recording in a run's folder, which several processes of a run write one after the other. */
import { fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { screenSize } from '../snapshot.ts'
import type { CastHead } from './cast.ts'

/** A line that was cut is looked for so far from the end: longer than any that is written at once. */
const tailBytes = 1024 * 1024
const newline = 0x0a

/** Opens it to append. `head` is what it has to begin with, absent where it has begun. */
export function openCastFile(
  file: string,
  { board, originNs }: { board: string; originNs: bigint },
): { fd: number; head: Omit<CastHead, 'name'> | undefined } {
  const fd = openSync(file, 'a+')
  const size = wholeLines(fd)
  if (size > 0) return { fd, head: undefined }
  const sinceOriginMs = Number(process.hrtime.bigint() - originNs) / 1e6
  return { fd, head: { ...screenSize, title: board, recordedAtMs: Math.max(0, Date.now() - sinceOriginMs) } }
}

/** Takes away a line that a kill cut in the middle, since another one follows. Returns the size. */
function wholeLines(fd: number): number {
  const info = fstatSync(fd)
  if (!info.isFile() || info.size === 0) return 0
  const tail = Buffer.alloc(Math.min(info.size, tailBytes))
  readSync(fd, tail, 0, tail.length, info.size - tail.length)
  const whole = info.size - tail.length + tail.lastIndexOf(newline) + 1
  if (whole < info.size) ftruncateSync(fd, whole)
  return whole
}
