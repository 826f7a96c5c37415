/** Questions that are put to a board over its network at a steady rate, and when each was answered. */

/** One question; times are the host's monotonic clock, nanoseconds. */
export type Probe = { sentNs: bigint; answeredNs: bigint | null }

/** What asks a board until it is disposed. A log stays empty where that way of asking is not there. */
export type Asking = AsyncDisposable & {
  /** ICMP echo requests. */
  readonly icmp: ProbeLog
  /** TCP SYNs to one port; that it is closed (RST) is an answer too. */
  readonly tcp: ProbeLog
}

/** Fifty minutes at 20 a second; as many as have a source port, or an ICMP sequence number, of their own. */
export const mostProbes = 60_000

/** The questions of one kind. What the board sends can add nothing to it but an answer to a question. */
export class ProbeLog {
  /** How far the questions lie apart, milliseconds. */
  readonly intervalMs: number
  /** Further answers to what was answered already. */
  duplicates = 0
  readonly #probes = new Map<number, Probe>()
  readonly #listeners = new Set<() => void>()

  constructor(intervalMs: number) {
    this.intervalMs = intervalMs
  }

  /** In the order in which they were asked. */
  get probes(): Probe[] {
    return [...this.#probes.values()]
  }

  /** The number of the next question; undefined where there may be no more. */
  get next(): number | undefined {
    return this.#probes.size < mostProbes ? this.#probes.size : undefined
  }

  /** Notes that a question was asked; a number that is known, or one too many, is passed over. */
  asked(id: number, atNs: bigint): void {
    if (this.#probes.has(id) || this.#probes.size >= mostProbes) return
    this.#probes.set(id, { sentNs: atNs, answeredNs: null })
  }

  /** Notes an answer; one to a question that nobody asked is passed over. */
  answered(id: number, atNs: bigint): void {
    const probe = this.#probes.get(id)
    if (!probe) return
    if (probe.answeredNs !== null) {
      this.duplicates++
      return
    }
    probe.answeredNs = atNs
    for (const listener of [...this.#listeners]) listener()
  }

  /** Resolves when `count` more answers have come; rejects with the signal's reason. */
  answers(count: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let left = count
    const listener = () => --left === 0 && resolve()
    const onAbort = () => reject(signal.reason)
    this.#listeners.add(listener)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    return promise.finally(() => {
      this.#listeners.delete(listener)
      signal.removeEventListener('abort', onAbort)
    })
  }
}
