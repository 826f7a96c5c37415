/** A limit on a wait, as a signal. */

/** The longest that a timer takes, milliseconds: for a wait that only a signal ends. */
export const foreverMs = 2 ** 31 - 1

/**
 * A signal that is aborted after a time, or when another one is. Not AbortSignal.any with AbortSignal.timeout: such
 * a `--timeout 1ms` was seen never to come in one run of three (Node 24.21); its timer is held only weakly.
 */
export class Deadline implements Disposable {
  readonly #stop = new AbortController()
  readonly #timer: NodeJS.Timeout
  readonly #parent: AbortSignal | undefined
  #expired = false

  /** @param timeoutMs at most 24.8 days, what a timer takes */
  constructor(timeoutMs: number, parent?: AbortSignal) {
    this.#parent = parent
    this.#timer = setTimeout(() => {
      this.#expired = true
      this.#stop.abort(new DOMException(`not done within ${timeoutMs / 1000} s`, 'TimeoutError'))
    }, timeoutMs)
    parent?.addEventListener('abort', this.#follow, { once: true })
    if (parent?.aborted) this.#follow()
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** True once the time was up, and before anything else aborted the signal. */
  get expired(): boolean {
    return this.#expired
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#parent?.removeEventListener('abort', this.#follow)
  }

  readonly #follow = () => {
    clearTimeout(this.#timer)
    this.#stop.abort(this.#parent?.reason)
  }
}
