/** What a recording of a serial console says about its reader: what is missing, and how late each line's time is. */

/** A stamp of the reader, then that of the writer, in seconds of the same clock. */
const stamped = /^\[ *(\d+\.\d+)\] \[ *(\d+\.\d+)\] #\d+ /

/**
 * Bytes of what was sent that did not arrive as they were, where they were: lost ones, changed ones, and lines that came in
 * another order or twice. A line that isn't whole counts with all its bytes.
 */
export function lostBytes(sent: Buffer, read: Buffer): number {
  if (sent.equals(read)) return 0
  const places = new Map(linesOf(read).map((line, index) => [line, index]))
  let arrived = 0
  let last = -1
  for (const line of linesOf(sent)) {
    const place = places.get(line)
    if (place === undefined || place < last) continue
    last = place
    arrived += line.length
  }
  const missing = sent.length - arrived
  const foreign = read.length - arrived
  return Math.max(missing, foreign)
}

/** Each numbered line is another one, so that a line is its own name. */
function linesOf(bytes: Buffer): string[] {
  return bytes.toString('latin1').split(/(?<=\n)/)
}

/** How late each line of a console's log is, in milliseconds, of those written at or after `fromSeconds`. */
export function stampErrorsMs(log: string, fromSeconds: number): number[] {
  return log.split('\n').flatMap((line) => {
    const found = stamped.exec(line)
    if (!found) return []
    const [read, written] = [Number(found[1]), Number(found[2])]
    return written < fromSeconds ? [] : [(read - written) * 1000]
  })
}
