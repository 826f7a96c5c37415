/** How often a cycle is repeated: a number of times, or until the gap is known well enough. */
import { precisionOf } from '../../harness/stats/precision.ts'

/** What a cycle is told of its place; counted from 1, warm-ups by themselves. */
export type Turn = { iteration: number; iterations: number; warmup: boolean }

type Asked = {
  /** How often at most; null: the suite's own number, or the cap where a precision is asked for. */
  iterations: number | null
  /** Half the width of the median's 95 % interval, as a share of the median. */
  precision: number | null
  warmups: number
}

/** Where nobody says how many cycles a precision may take. */
const cap = 50

/**
 * Runs warm-ups and then cycles, each of which returns its gap in milliseconds. With a precision it stops as soon as the
 * median of the gap is known that well, which takes six cycles at least, and no later than at the cap.
 */
export async function repeat(
  { iterations: most, precision, warmups }: Asked,
  own: number,
  cycle: (turn: Turn) => Promise<number | undefined>,
): Promise<void> {
  for (let iteration = 1; iteration <= warmups; iteration++)
    await cycle({ iteration, iterations: warmups, warmup: true })
  const iterations = most ?? (precision === null ? own : cap)
  const gapsMs: number[] = []
  for (let iteration = 1; iteration <= iterations; iteration++) {
    gapsMs.push((await cycle({ iteration, iterations, warmup: false })) ?? Number.NaN)
    const reached = precision === null ? null : precisionOf(gapsMs)
    if (precision !== null && reached !== null && reached <= precision) return
  }
}
