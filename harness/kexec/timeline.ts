/** The moments of one cycle, and the phases between them. */
import { msBetween } from '../clock.ts'
import { type Handover, kernelStartNs } from './handover.ts'
import type { Gap, MarkName, Phases } from './outcome.ts'

export class Timeline {
  readonly #times = new Map<MarkName, bigint>()

  /** Notes when something happened: CLOCK_MONOTONIC, nanoseconds. */
  mark(name: MarkName, atNs: bigint): void {
    this.#times.set(name, atNs)
  }

  phases(): Phases {
    return {
      loadMs: this.#between('load', 'loaded'),
      shutdownMs: this.#between('exec', 'last-old-line'),
      gapMs: this.#between('last-old-line', 'first-new-line'),
      startupMs: this.#between('first-new-line', 'init'),
      userspaceMs: this.#between('init', 'ready'),
      choiceToReadyMs: this.#between('chosen', 'ready'),
      totalMs: this.#between('exec', 'ready'),
    }
  }

  #between(from: MarkName, to: MarkName): number | undefined {
    const [start, end] = [this.#times.get(from), this.#times.get(to)]
    return start === undefined || end === undefined ? undefined : msBetween(start, end)
  }
}

/**
 * What the two ends of a handover's gap were; undefined where it did not reach its second end.
 * `stoppedMs` is how long the machine was stopped in it to be looked at, `uncertaintyMs` by how much either end may be late.
 */
export function describeGap(
  { borders, newLines }: Handover,
  earlyConsole: boolean,
  { stoppedMs, uncertaintyMs }: { stoppedMs?: number | undefined; uncertaintyMs?: number | undefined } = {},
): Gap | undefined {
  const { lastOld, firstNew } = borders
  if (!lastOld || !firstNew) return undefined
  const start = kernelStartNs(newLines)
  return {
    lastLine: lastOld.text.slice(0, 500),
    firstLine: firstNew.text.slice(0, 500),
    toKernelStartMs: start === null ? null : msBetween(lastOld.atNs, start) - (stoppedMs ?? 0),
    ...(stoppedMs === undefined ? {} : { inspectionMs: stoppedMs }),
    ...(uncertaintyMs === undefined ? {} : { uncertaintyMs }),
    method: 'console',
    earlyConsole,
  }
}
