/** A console that stays open for a whole run: lost connections are opened again, and the hole is told. */

import { orAborted } from '../abortable.ts'
import { type Clock, msBetween, systemClock } from '../clock.ts'
import { Deadline } from '../deadline.ts'
import { HarnessError, LabError } from '../errors.ts'
import type { Transport } from './console.ts'
import { type Pace, Pacer } from './pace.ts'
import type { Connect, Connection, ConnectionSink, Lateness } from './transport.ts'

export type LinkEvents = {
  bytes(chunk: Buffer, atNs: bigint): void
  /** The connection was lost: a hole in the log begins here. */
  lost(reason: string, atNs: bigint): void
  /** It is back; what came meanwhile is lost. */
  back(atNs: bigint): void
  /** It did not come back in time: nothing more will come. */
  gone(error: LabError): void
}

export type LinkOptions = {
  connect: Connect
  events: LinkEvents
  /** As people call it, for errors: `console of juno`. */
  what: string
  /** How long a lost connection may take to come back; 60 s. */
  giveUpMs?: number
  pace?: Pace
  clock?: Clock
}

/** Where the attempts to reopen begin and how far apart they get: an adapter that is plugged in again comes soon. */
const retryMs = { first: 200, longest: 2000 }
/** A connection that says nothing and ends before this does not count as having come back. */
const settledMs = 2000
/** Input that a transport does not take for this long never leaves: flow control holds it. */
const writeLimitMs = 30_000
/** A hung transport may not even close. */
const closeLimitMs = 5000

/** One connection of several in a link's life. */
type Attempt = {
  openedNs: bigint
  heard: boolean
  connection: Connection | undefined
  /** Why it ended. */
  ended: string | undefined
  /** Aborted when it is over, for writes under way. */
  over: AbortController
}

/**
 * Opens a console; the signal bounds the opening. The first connection has to succeed: throws what `connect` throws.
 */
export async function openLink(options: LinkOptions, signal: AbortSignal): Promise<Link> {
  const link = new Link(options)
  await link.open(signal)
  return link
}

/** What a Console writes to; what arrives goes to the events. Disposing of it closes the connection. */
export class Link implements Transport, AsyncDisposable {
  readonly #options: LinkOptions
  readonly #clock: Clock
  readonly #giveUpMs: number
  readonly #pacer: Pacer
  readonly #stop = new AbortController()
  #attempt: Attempt | undefined
  #lostReason: string | undefined
  #lostNs: bigint | undefined
  #retryMs = retryMs.first
  #reopening: Promise<void> | undefined
  #gone: LabError | undefined

  constructor(options: LinkOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#giveUpMs = options.giveUpMs ?? 60_000
    this.#pacer = new Pacer(options.pace, this.#clock)
  }

  /** By how much an arrival may be later than the board's UART sent it; see Connection. */
  get lateness(): Lateness | undefined {
    return this.#attempt?.connection?.lateness
  }

  /** Makes the first connection; for `openLink`. */
  async open(signal: AbortSignal): Promise<void> {
    await this.#connect(signal)
  }

  /**
   * Resolves when the bytes have left the harness. Rejects with LabError while the connection is lost, and when it is
   * lost with a part of them sent: the rest never follows.
   */
  async write(bytes: Buffer): Promise<void> {
    const attempt = this.#attempt
    await this.#pacer.write(
      bytes,
      (piece) => this.#within(attempt, (connection) => connection.write(piece)),
      this.#stop.signal,
    )
  }

  /** Sends a serial BREAK. False: this transport has no way to. Rejects as `write` does. */
  async sendBreak(): Promise<boolean> {
    const attempt = this.#attempt
    if (this.#usable(attempt).sendBreak === undefined) return false
    await this.#pacer.alone(() => this.#within(attempt, async (connection) => await connection.sendBreak?.()))
    return true
  }

  /** Closes a connection that seems hung and opens it again. Rejects with LabError when it does not come back. */
  async reopen(): Promise<void> {
    if (this.#gone) throw this.#gone
    if (this.#lostReason === undefined) this.#lose('it was opened again, as it seemed hung')
    await this.#reopening
    if (this.#gone) throw this.#gone
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const attempt = this.#attempt
    this.#attempt = undefined
    this.#stop.abort(new LabError(`${this.#options.what} is closed`))
    attempt?.over.abort()
    await this.#close(attempt)
    await this.#reopening
  }

  async #connect(signal: AbortSignal): Promise<void> {
    const attempt: Attempt = {
      openedNs: this.#clock.nowNs(),
      heard: false,
      connection: undefined,
      ended: undefined,
      over: new AbortController(),
    }
    this.#attempt = attempt
    const connection = await this.#options.connect(this.#sink(attempt), signal)
    if (this.#attempt === attempt && attempt.ended === undefined) attempt.connection = connection
    else {
      await connection.close()
      throw new LabError(`${this.#options.what} ended as it was opened: ${attempt.ended ?? 'closed'}`)
    }
  }

  #sink(attempt: Attempt): ConnectionSink {
    return {
      bytes: (chunk, atNs) => {
        if (this.#attempt !== attempt) return
        attempt.heard = true
        this.#tellBack(atNs)
        this.#options.events.bytes(chunk, atNs)
      },
      ended: (reason) => {
        if (this.#attempt !== attempt || attempt.ended !== undefined) return
        attempt.ended = reason
        if (attempt.connection) this.#lose(reason)
      },
    }
  }

  #lose(reason: string): void {
    const attempt = this.#attempt!
    this.#attempt = undefined
    attempt.over.abort()
    const lived = attempt.heard || msBetween(attempt.openedNs, this.#clock.nowNs()) >= settledMs
    if (lived) this.#retryMs = retryMs.first
    this.#tellLost(reason, lived)
    this.#reopening = this.#comeBack(attempt)
  }

  /** Tries until it is back, or too much time has passed. */
  async #comeBack(last: Attempt): Promise<void> {
    await this.#close(last)
    let failure: unknown
    for (let leftMs = this.#leftMs(); leftMs > 0; leftMs = this.#leftMs()) {
      try {
        await this.#clock.sleep(Math.min(this.#retryMs, leftMs), this.#stop.signal)
        this.#retryMs = Math.min(2 * this.#retryMs, retryMs.longest)
        using deadline = new Deadline(Math.max(leftMs, 1000), this.#stop.signal)
        await this.#connect(deadline.signal)
        this.#tellBack(this.#clock.nowNs())
        return
      } catch (error) {
        if (this.#stop.signal.aborted) return
        this.#attempt = undefined
        failure = error
        this.#tellLost(messageOf(error), false)
      }
    }
    this.#giveUp(failure)
  }

  #giveUp(failure: unknown): void {
    const { what, events } = this.#options
    const last = failure === undefined ? '' : `; the last attempt: ${messageOf(failure)}`
    const hint = failure instanceof HarnessError ? failure.hint : undefined
    this.#gone = new LabError(
      `${what} was lost (${this.#lostReason}) and did not come back within ${this.#giveUpMs / 1000} s${last}`,
      { ...(hint === undefined ? {} : { hint }), cause: failure },
    )
    events.gone(this.#gone)
  }

  #leftMs(): number {
    return this.#giveUpMs - msBetween(this.#lostNs!, this.#clock.nowNs())
  }

  /** @param afresh false where a connection broke before it was of any use: the time to come back goes on */
  #tellLost(reason: string, afresh: boolean): void {
    if (this.#lostReason !== undefined) return
    const nowNs = this.#clock.nowNs()
    this.#lostReason = reason
    if (afresh || this.#lostNs === undefined) this.#lostNs = nowNs
    this.#options.events.lost(reason, nowNs)
  }

  #tellBack(atNs: bigint): void {
    if (this.#lostReason === undefined) return
    this.#lostReason = undefined
    this.#options.events.back(atNs)
  }

  #usable(attempt: Attempt | undefined): Connection {
    if (attempt?.connection && attempt === this.#attempt) return attempt.connection
    if (this.#gone) throw this.#gone
    const { what } = this.#options
    if (this.#stop.signal.aborted) throw this.#stop.signal.reason
    throw new LabError(`${what} is lost (${this.#lostReason ?? 'it broke meanwhile'}): no input gets through`)
  }

  async #within(attempt: Attempt | undefined, action: (connection: Connection) => Promise<void>) {
    const connection = this.#usable(attempt)
    using deadline = new Deadline(writeLimitMs, attempt!.over.signal)
    await orAborted(action(connection), deadline.signal).catch((error: unknown) => {
      if (deadline.expired)
        throw new LabError(
          `${this.#options.what} takes no input: none left within ${writeLimitMs / 1000} s`,
          {
            hint: 'Flow control may hold it back: see flowControl of a serial console, and CTS of its cable.',
          },
        )
      this.#usable(attempt)
      throw error
    })
  }

  async #close(attempt: Attempt | undefined): Promise<void> {
    if (!attempt?.connection) return
    using deadline = new Deadline(closeLimitMs)
    // A connection that is over may have nothing left to close.
    await orAborted(attempt.connection.close(), deadline.signal).catch(() => {})
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
