/** A simulated LCUS-1 relay board (a CH340 and a small controller on a USB stick), on the far end of a PTY. */
import type { LineEnd } from './line.ts'
import type { Outlets } from './outlet.ts'

/** A frame: 0xa0, the relay from 1, 1 or 0, and the sum of the three. */
const start = 0xa0
const frameBytes = 4

/** Switches the outlets; it answers nothing, like most of these boards. What is no frame is passed over. */
export class SimulatedLcus implements LineEnd {
  readonly #outlets: Outlets
  #rest = Buffer.alloc(0)

  constructor(outlets: Outlets) {
    this.#outlets = outlets
  }

  typed(bytes: Buffer): void {
    let rest = Buffer.concat([this.#rest, bytes])
    for (;;) {
      const at = rest.indexOf(start)
      if (at === -1) {
        rest = Buffer.alloc(0)
        break
      }
      rest = rest.subarray(at)
      if (rest.length < frameBytes) break
      const [, relay, state, sum] = rest as unknown as [number, number, number, number]
      const isFrame = state <= 1 && sum === ((start + relay + state) & 0xff)
      if (isFrame) this.#outlets.get(relay)?.switch(state === 1)
      rest = rest.subarray(isFrame ? frameBytes : 1)
    }
    this.#rest = Buffer.from(rest)
  }

  broken(): void {}
}
