/** Devices read again and again during the gap, for a kernel whose functions' addresses are not known. */
import { msBetween, systemClock } from '../harness/clock.ts'
import type { DeviceState } from '../harness/devices/family.ts'
import type { HandoverWatch, Inspection } from './inspection.ts'
import type { Machine } from './machine.ts'
import { PciReader } from './pci.ts'

type Reading = { devices: DeviceState[]; atNs: bigint }
type Outcome = Inspection | { failed: string }

const intervalMs = 50

/** The last reading that was complete before `endPolling` counts. */
export async function watchByPolling(
  machine: Pick<Machine, 'qmp'>,
  signal: AbortSignal | undefined,
): Promise<HandoverWatch> {
  const reader = await PciReader.open(machine)
  // The first reading looks up what the later ones need not look up any more.
  await reader.read()
  signal?.throwIfAborted()
  const watch = new PollingWatch(reader)
  const onAbort = () => watch.end('the watch was ended before the new kernel came up')
  signal?.addEventListener('abort', onAbort, { once: true })
  watch.result.finally(() => signal?.removeEventListener('abort', onAbort))
  return watch
}

class PollingWatch implements HandoverWatch {
  readonly #reader: PciReader
  readonly #result = Promise.withResolvers<Outcome>()
  readonly #stop = new AbortController()
  #last: Reading | undefined
  #stoppedMs = 0
  #trouble: string | undefined
  #loop: Promise<void> | undefined

  constructor(reader: PciReader) {
    this.#reader = reader
  }

  get result(): Promise<Outcome> {
    return this.#result.promise
  }

  poll(): void {
    this.#loop ??= this.#readOn()
  }

  endPolling(): void {
    const none = 'no reading was complete before the new kernel came up'
    this.end(this.#last ? undefined : (this.#trouble ?? none))
  }

  /** Ends the polling; with a reason, as a failure. */
  end(failed: string | undefined): void {
    this.#stop.abort()
    const last = this.#last
    if (failed !== undefined || last === undefined) this.#result.resolve({ failed: failed ?? '' })
    else this.#result.resolve({ method: 'polling', ...last, stoppedMs: this.#stoppedMs, entry: null })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end('the watch was closed before the new kernel came up')
    await this.#loop
  }

  async #readOn(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const startedNs = systemClock.nowNs()
      await this.#readOnce(startedNs)
      const restMs = this.#restMs(msBetween(startedNs, systemClock.nowNs()))
      await systemClock.sleep(restMs, signal).catch(() => {})
    }
  }

  async #readOnce(atNs: bigint): Promise<void> {
    try {
      const devices = await this.#reader.read()
      // What was read while the new kernel said its first words may be its own doing.
      if (!this.#stop.signal.aborted) this.#last = { devices, atNs }
    } catch (error) {
      this.#trouble = (error as Error).message
    }
    if (this.#reader.stopsGuest) this.#stoppedMs += msBetween(atNs, systemClock.nowNs())
  }

  /** A guest that is stopped for each reading still gets nine tenths of the time, any other one at least half of QEMU's. */
  #restMs(tookMs: number): number {
    return this.#reader.stopsGuest ? 9 * tookMs : Math.max(intervalMs - tookMs, tookMs)
  }
}
