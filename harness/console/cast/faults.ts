/** A console that loses bytes and delays others, as a bad line does; the same ones again for the same seed. */
import { type Clock, msBetween, systemClock } from '../../clock.ts'
import { seededRandom } from '../../stats/random.ts'
import type { Connect, Connection, ConnectionSink } from '../transport.ts'

type LineFaults = {
  /** Of all bytes, the part that is lost: 0.01 is one in a hundred. */
  lost: number
  /** Of all chunks, the part that comes late; what follows waits behind it, since a line keeps its order. */
  delayed: number
  /** By how much, milliseconds. */
  delayMs: number
}

export type FaultOptions = {
  seed: number
  /** What the board says. */
  output?: Partial<LineFaults>
  /** What is typed to it. */
  input?: Partial<LineFaults>
  clock?: Clock
}

/** Puts faults on a console: what `connect` connects to is heard, and typed to, through a bad line. */
export function withFaults(
  connect: Connect,
  { seed, output, input, clock = systemClock }: FaultOptions,
): Connect {
  // Of its own for each direction: what is heard must not hang on how much was typed.
  const heard = new BadLine(output, seed, clock)
  const typed = new BadLine(input, seed ^ 0x5bd1e995, clock)
  return async (sink, signal) => {
    const stop = new AbortController()
    const connection = await connect(throughLine(sink, heard, stop.signal, clock), signal)
    return behindLine(connection, typed, stop)
  }
}

/** What is lost and late on one direction of a line. */
class BadLine {
  readonly #faults: LineFaults
  readonly #clock: Clock
  readonly #random: () => number
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor(faults: Partial<LineFaults> | undefined, seed: number, clock: Clock) {
    this.#faults = { lost: 0, delayed: 0, delayMs: 0, ...faults }
    this.#clock = clock
    this.#random = seededRandom(seed)
  }

  /** Calls `hand` with what is left of a chunk: at once, or when it is its turn. Rejects with what `hand` throws. */
  pass(
    chunk: Buffer,
    hand: (bytes: Buffer) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<void> | void {
    const bytes = this.#lose(chunk)
    const delayMs = this.#random() < this.#faults.delayed ? this.#faults.delayMs : 0
    if (delayMs === 0 && this.#waiting === 0) return hand(bytes)
    return this.after(async (enteredNs) => {
      const leftMs = delayMs - msBetween(enteredNs, this.#clock.nowNs())
      if (leftMs > 0) await this.#clock.sleep(leftMs, signal)
      signal.throwIfAborted()
      await hand(bytes)
    })
  }

  /** Runs something once all that came before has passed. */
  after<T>(action: (enteredNs: bigint) => Promise<T> | T): Promise<T> {
    const enteredNs = this.#clock.nowNs()
    this.#waiting++
    const turn = this.#last.then(() => action(enteredNs)).finally(() => this.#waiting--)
    this.#last = turn.catch(() => {})
    return turn
  }

  #lose(chunk: Buffer): Buffer {
    // One draw a byte, lost or not: what is lost does not hang on how the bytes were cut into chunks.
    return this.#faults.lost === 0
      ? chunk
      : (chunk.filter(() => this.#random() >= this.#faults.lost) as Buffer)
  }
}

function throughLine(sink: ConnectionSink, line: BadLine, signal: AbortSignal, clock: Clock): ConnectionSink {
  return {
    bytes: (chunk, atNs) => {
      let isLate = false
      const hand = (bytes: Buffer) => {
        if (bytes.length > 0) sink.bytes(bytes, isLate ? clock.nowNs() : atNs)
      }
      const passed = line.pass(chunk, hand, signal)
      isLate = true
      passed?.catch(() => {})
    },
    ended: (reason) => void line.after(() => sink.ended(reason)).catch(() => {}),
  }
}

function behindLine(connection: Connection, line: BadLine, stop: AbortController): Connection {
  return {
    write: async (bytes) => {
      await line.pass(bytes, (left) => (left.length > 0 ? connection.write(left) : undefined), stop.signal)
    },
    ...(connection.sendBreak ? { sendBreak: () => line.after(() => connection.sendBreak!()) } : {}),
    get lateness() {
      return connection.lateness
    },
    close: async () => {
      stop.abort()
      await connection.close()
    },
  }
}
