/** For tests: time that passes at once. Timers fire in their order as soon as nobody has anything else to do. */
import type { Clock } from '../clock.ts'

/** As many turns of the event loop settle whatever does not wait for a timer. */
const turns = 4

type Timer = { atMs: number; call: () => void }

/**
 * Runs something that waits for timers only, with `setTimeout` and `performance.now` replaced meanwhile; not two at a
 * time. Throws where all wait and no timer is left.
 */
export async function inVirtualTime<T>(run: (clock: Clock) => Promise<T>): Promise<T> {
  const { setTimeout, clearTimeout } = globalThis
  const { now } = performance
  const time = new VirtualTime()
  Object.assign(globalThis, { setTimeout: time.setTimeout, clearTimeout: time.clearTimeout })
  performance.now = () => time.nowMs
  try {
    return await time.pass(run(time.clock))
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout })
    performance.now = now
  }
}

class VirtualTime {
  nowMs = 0
  readonly #timers = new Set<Timer>()

  readonly setTimeout = (call: (...given: unknown[]) => void, ms = 0, ...given: unknown[]): unknown => {
    const timer = {
      atMs: this.nowMs + Math.max(0, ms),
      call: () => call(...given),
      unref: () => timer,
      ref: () => timer,
    }
    this.#timers.add(timer)
    return timer
  }

  readonly clearTimeout = (timer: unknown): void => void this.#timers.delete(timer as Timer)

  readonly clock: Clock = {
    nowNs: () => BigInt(Math.round(this.nowMs * 1e6)),
    sleep: (ms) => new Promise((resolve) => void this.setTimeout(() => resolve(), ms)),
  }

  async pass<T>(running: Promise<T>): Promise<T> {
    let isOver = false
    const over = () => {
      isOver = true
    }
    running.then(over, over)
    for (let idle = 0; !isOver; ) {
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      const [next] = [...this.#timers].toSorted((one, other) => one.atMs - other.atMs)
      if (next) {
        this.#timers.delete(next)
        this.nowMs = Math.max(this.nowMs, next.atMs)
        next.call()
      } else if (!isOver && ++idle > 100) throw new Error('all wait, and for no timer')
    }
    return await running
  }
}
