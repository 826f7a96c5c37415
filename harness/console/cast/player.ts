/** Plays a recorded console as if it were a board: bytes with their timing, and a person who must type what was typed. */
import { setImmediate as turn } from 'node:timers/promises'
import { type Clock, msBetween, systemClock } from '../../clock.ts'
import { LabError } from '../../errors.ts'
import type { Connect, Connection, ConnectionSink } from '../transport.ts'
import { type Cast, showBytes } from './cast.ts'
import { DrawnScreen } from './redraw.ts'
import { LenientInput, StrictInput, type TypedInput } from './typed-input.ts'

export type PlayOptions = {
  /** 1: as recorded (default); 2: twice as fast; 0: as fast as input allows. */
  speed?: number
  /**
   * `strict` (default): what is typed must be what the recording has, byte for byte, however it is cut into writes.
   * `lenient`: at each input of the recording, as many bytes of anything move on.
   */
  input?: 'strict' | 'lenient'
  /** How long the play waits for an input that does not come; 60 s. Then it hangs up. */
  inputLimitMs?: number
  /**
   * What is made anew each time, such as a shell's tokens: where the recording's input and what is typed both match, the
   * typed text is taken for the recorded one, in what follows too. Both must have the same length.
   */
  varying?: RegExp
  /**
   * Keys, such as Ctrl-L, at which the program would draw its screen again: the player does so where the recording has
   * no such input.
   */
  redrawOn?: string
  clock?: Clock
}

/** Thrown by `write`, and told as the connection's end: something else was typed than the recording has. */
export class CastMismatch extends Error {
  override name = 'CastMismatch'
}

/** The tokens of console/shell.ts. */
const shellTokens = /q[0-9a-f]{6}z/
const patienceMs = 60_000

/**
 * A connection to a recording: it says what was recorded, waits at each input until that was typed, and hangs up at its
 * end. It is played once: connecting again throws LabError.
 */
export function playCast(cast: Cast, options: PlayOptions = {}): Connect {
  let played = false
  return async (sink, signal) => {
    signal.throwIfAborted()
    if (played) throw new LabError(`${cast.name} has been played already`)
    played = true
    const play = new Play(cast, options, sink)
    play.start()
    return play
  }
}

class Play implements Connection {
  readonly #cast: Cast
  readonly #speed: number
  readonly #inputLimitMs: number
  readonly #clock: Clock
  readonly #sink: ConnectionSink
  readonly #input: TypedInput
  readonly #redrawOn: Buffer | undefined
  readonly #drawn: DrawnScreen | undefined
  readonly #stop = new AbortController()
  #ended: Error | undefined
  #onTyped: () => void = () => {}

  constructor(cast: Cast, options: PlayOptions, sink: ConnectionSink) {
    this.#cast = cast
    this.#speed = options.speed ?? 1
    this.#inputLimitMs = options.inputLimitMs ?? patienceMs
    this.#clock = options.clock ?? systemClock
    this.#sink = sink
    this.#redrawOn = options.redrawOn === undefined ? undefined : Buffer.from(options.redrawOn)
    this.#drawn = this.#redrawOn && new DrawnScreen(cast)
    this.#input =
      options.input === 'lenient'
        ? new LenientInput(cast)
        : new StrictInput(cast, options.varying ?? shellTokens)
  }

  start(): void {
    this.#play().then(
      () => this.#end(new LabError(`the recording ${this.#cast.name} is over`)),
      (error: Error) => this.#end(error),
    )
  }

  async write(bytes: Buffer): Promise<void> {
    if (this.#ended) throw this.#ended
    if (this.#redrawOn?.equals(bytes) && !this.#input.wants(bytes)) return await this.#redraw()
    const mismatch = this.#input.type(Buffer.from(bytes))
    if (mismatch !== undefined) {
      const error = new CastMismatch(`${this.#cast.name}: ${mismatch}`)
      this.#end(error)
      throw error
    }
    this.#onTyped()
  }

  async close(): Promise<void> {
    this.#ended ??= new LabError(`the recording ${this.#cast.name} was closed`)
    this.#stop.abort()
    this.#drawn?.[Symbol.dispose]()
  }

  async #play(): Promise<void> {
    let originNs = this.#clock.nowNs()
    const scale = this.#speed === 0 ? 0 : 1 / this.#speed
    for (const [index, event] of this.#cast.events.entries()) {
      const dueMs = event.atMs * scale
      if (event.type === 'output') {
        await this.#until(originNs, dueMs)
        this.#stop.signal.throwIfAborted()
        this.#say(Buffer.from(this.#input.output(index) ?? event.bytes))
      } else if (event.type === 'input') {
        await this.#untilTyped(index, event.bytes)
        // What follows, follows the typing: after as long as it did then.
        originNs = this.#clock.nowNs() - BigInt(Math.round(dueMs * 1e6))
      }
    }
  }

  #say(bytes: Buffer): void {
    this.#drawn?.said(bytes)
    this.#sink.bytes(bytes, this.#clock.nowNs())
  }

  async #redraw(): Promise<void> {
    const bytes = await this.#drawn!.again()
    // What draws the screen as it is changes nothing on it.
    if (!this.#ended) this.#sink.bytes(bytes, this.#clock.nowNs())
  }

  async #until(originNs: bigint, dueMs: number): Promise<void> {
    const leftMs = dueMs - msBetween(originNs, this.#clock.nowNs())
    // A turn of the loop for each chunk: whoever listens sees what a real console would show in between.
    if (this.#speed === 0 || leftMs < 1) await turn(undefined, { signal: this.#stop.signal })
    else await this.#clock.sleep(leftMs, this.#stop.signal)
  }

  async #untilTyped(index: number, bytes: Buffer): Promise<void> {
    if (this.#input.passes(index)) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => reject(this.#stop.signal.reason)
    const timer = setTimeout(
      () =>
        reject(
          new CastMismatch(
            `${this.#cast.name}: waited ${this.#inputLimitMs / 1000} s for ${showBytes(bytes)} to be typed; typed was ${this.#input.shownTyped}`,
          ),
        ),
      this.#inputLimitMs,
    )
    this.#onTyped = () => this.#input.passes(index) && resolve()
    this.#stop.signal.addEventListener('abort', onAbort, { once: true })
    if (this.#stop.signal.aborted) onAbort()
    await promise.finally(() => {
      clearTimeout(timer)
      this.#onTyped = () => {}
      this.#stop.signal.removeEventListener('abort', onAbort)
    })
  }

  #end(error: Error): void {
    if (this.#ended) return
    this.#ended = error
    this.#stop.abort()
    this.#sink.ended(error.message)
  }
}
