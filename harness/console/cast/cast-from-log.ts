/** A recording from a console's bytes and its stamped lines, for runs that kept no recording. */
import { UsageError } from '../../errors.ts'
import { AnsiStripper } from '../ansi.ts'
import { LineSplitter } from '../lines.ts'
import { screenSize } from '../snapshot.ts'
import type { Cast, CastEvent } from './cast.ts'

const newline = 0x0a
const stamped = /^\[ *(\d+\.\d+)\] (.*)$/
/** What the log says itself, between the console's lines. */
const note = /^--- .* ---$/

/**
 * Each line of the bytes comes at the time of its first byte; what was typed is only in its echo.
 * Throws UsageError where the log has no times.
 * @param name of the log, for errors
 * @param raw console/BOARD.raw
 * @param log console/BOARD.log
 */
export function castFromLog(name: string, raw: Buffer, log: string): Cast {
  const times = timesOf(log)
  if (times.length === 0)
    throw new UsageError(`${name}: has no lines with their times, so that none can be told`)
  const stripper = new AnsiStripper()
  const splitter = new LineSplitter()
  const events: CastEvent[] = []
  let [used, atMs] = [0, times[0]!]
  for (let start = 0; start < raw.length; ) {
    const found = raw.indexOf(newline, start)
    const end = found === -1 ? raw.length : found + 1
    const bytes = raw.subarray(start, end)
    start = end
    const lines = splitter.push(stripper.strip(bytes), 0n).length
    atMs = Math.max(atMs, times[Math.min(used, times.length - 1)]!)
    events.push({ atMs, type: 'output', bytes })
    used += lines
  }
  return { name, ...screenSize, events }
}

/** Milliseconds of each line, in order. */
function timesOf(log: string): number[] {
  return log.split('\n').flatMap((line) => {
    const match = stamped.exec(line)
    return match && !note.test(match[2]!) ? [Number(match[1]) * 1000] : []
  })
}
