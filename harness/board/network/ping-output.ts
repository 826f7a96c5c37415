/** What ping of iputils says, line by line, with -O and in English. */

export type PingLine =
  | { type: 'answer'; sequence: number; roundTripMs: number }
  /** Nothing until the next question was asked; an answer may still come. */
  | { type: 'none'; sequence: number }

/** ICMP's sequence numbers have 16 bits. */
const mostSequence = 65_535

/** Undefined for every other line: headings, what routers say, statistics. `DUP!` is an answer once more. */
export function parsePingLine(line: string): PingLine | undefined {
  const answer = /^\d+ bytes from \S+: icmp_seq=(\d{1,5})(?: ttl=\d+)? time=(\d{1,9}(?:\.\d{1,6})?) ms/.exec(
    line,
  )
  const none = answer ? null : /^no answer yet for icmp_seq=(\d{1,5})$/.exec(line.trimEnd())
  const sequence = Number((answer ?? none)?.[1] ?? Number.NaN)
  if (!(sequence <= mostSequence)) return undefined
  return answer ? { type: 'answer', sequence, roundTripMs: Number(answer[2]) } : { type: 'none', sequence }
}
