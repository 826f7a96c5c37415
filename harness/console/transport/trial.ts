/** A connection that has yet to show that it lasts. */
import { setImmediate } from 'node:timers/promises'
import { orAborted } from '../../abortable.ts'
import { Deadline } from '../../deadline.ts'
import type { ConnectionSink } from '../transport.ts'

const keptBytes = 2048
/** Whoever can't lead to a console says so within this time, as a rule. */
const trialMs = 1000

/**
 * Keeps what comes at first, with its stamps. A console server that accepts a connection only to say `Port already in
 * use`, a program that fails at once: those have not connected, and what they said is the error's, not the console's.
 */
export class Trial implements ConnectionSink {
  readonly #sink: ConnectionSink
  readonly #over = Promise.withResolvers<string>()
  #held: { chunk: Buffer; atNs: bigint }[] | undefined = []

  constructor(sink: ConnectionSink) {
    this.#sink = sink
  }

  bytes(chunk: Buffer, atNs: bigint): void {
    if (this.#held) this.#held.push({ chunk, atNs })
    else this.#sink.bytes(chunk, atNs)
  }

  ended(reason: string): void {
    if (this.#held) this.#over.resolve(reason)
    else this.#sink.ended(reason)
  }

  /** Why it ended soon, or undefined where it lasts: then what was kept is handed on. */
  async endsSoon(signal: AbortSignal): Promise<string | undefined> {
    using deadline = new Deadline(trialMs, signal)
    try {
      return await orAborted(this.#over.promise, deadline.signal)
    } catch (error) {
      if (!deadline.expired) throw error
    }
    // Where this process itself had no time, the end is waiting to be read.
    for (let turn = 0; turn < 3; turn++) await setImmediate()
    const ended = await Promise.race([this.#over.promise, undefined])
    if (ended === undefined) this.#pass()
    return ended
  }

  /** The text that was kept, on one line. */
  get said(): string {
    const bytes = Buffer.concat((this.#held ?? []).map(({ chunk }) => chunk)).subarray(-keptBytes)
    return bytes
      .toString('utf8')
      .replace(/[\s\u0000-\u001f\u007f]+/g, ' ')
      .trim()
  }

  #pass(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const { chunk, atNs } of held) this.#sink.bytes(chunk, atNs)
  }
}
