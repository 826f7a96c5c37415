/** Input in pieces: a board's UART has a small FIFO, and a bootloader that polls it drops what overflows. */
import { z } from 'zod'
import { type Clock, msBetween } from '../clock.ts'
import { checkedMs, durationText } from '../duration.ts'

/** Input goes out in pieces of at most `bytes` bytes, whose beginnings are at least `intervalMs` apart. */
export type Pace = { bytes: number; intervalMs: number }

/** What a descriptor may say of it, for each transport. */
export const paceSchema = z
  .strictObject({
    bytes: z.number().int().min(1).max(65_536).meta({ description: 'The longest piece of input.' }),
    every: durationText.meta({ description: 'Time between the beginnings of two pieces.' }),
  })
  .optional()
  .meta({
    description:
      'How fast input is typed; without it, serial and telnet send what fits into a 16-byte FIFO, at the speed of the line, the others all at once.',
  })
export type PaceConfig = z.infer<typeof paceSchema>

/** The FIFO of a 16550A, the smallest that boards with one have. */
const fifoBytes = 16
/** Start bit, eight data bits, stop bit. */
const bitsPerByte = 10

/** A FIFO's worth of input in the time that the line takes for it. */
export function uartPace(baud: number): Pace {
  return { bytes: fifoBytes, intervalMs: Math.ceil((fifoBytes * bitsPerByte * 1000) / baud) }
}

/** The pace that a descriptor asks for. */
export function paceFrom(config: NonNullable<PaceConfig>): Pace {
  return { bytes: config.bytes, intervalMs: checkedMs(config.every) }
}

/** Sends one write after the other, each in pieces. */
export class Pacer {
  readonly #pace: Pace | undefined
  readonly #clock: Clock
  #lastWrite: Promise<unknown> = Promise.resolve()
  #lastPieceNs: bigint | undefined

  /** Without a pace, each write goes out as it is. */
  constructor(pace: Pace | undefined, clock: Clock) {
    this.#pace = pace
    this.#clock = clock
  }

  /** Resolves once `send` has taken the last piece; rejects with what it throws, or with the signal's reason. */
  write(bytes: Buffer, send: (piece: Buffer) => Promise<void>, signal: AbortSignal): Promise<void> {
    return this.alone(() => this.#inPieces(bytes, send, signal))
  }

  /** Runs something between two writes, never within one. */
  alone<T>(action: () => Promise<T>): Promise<T> {
    const turn = this.#lastWrite.then(action)
    this.#lastWrite = turn.catch(() => {})
    return turn
  }

  async #inPieces(bytes: Buffer, send: (piece: Buffer) => Promise<void>, signal: AbortSignal) {
    const size = this.#pace?.bytes ?? Math.max(1, bytes.length)
    for (let start = 0; start < bytes.length; start += size) {
      await this.#untilDue(signal)
      await send(bytes.subarray(start, start + size))
    }
  }

  async #untilDue(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (!this.#pace) return
    const now = this.#clock.nowNs()
    const passedMs = this.#lastPieceNs === undefined ? Infinity : msBetween(this.#lastPieceNs, now)
    if (passedMs < this.#pace.intervalMs) await this.#clock.sleep(this.#pace.intervalMs - passedMs, signal)
    this.#lastPieceNs = this.#clock.nowNs()
  }
}
