/** A board's power as a run uses it: limits, retries, verification and off dwell around one switch. */
import { orAborted } from '../abortable.ts'
import { type Clock, msBetween, systemClock } from '../clock.ts'
import { Deadline } from '../deadline.ts'
import { checkedMs } from '../duration.ts'
import { LabError } from '../errors.ts'
import type { PowerState, PowerSwitch } from './switch.ts'
import { openSwitch, type SwitchConfig } from './switches.ts'

/** Hears each attempt and what came of it, one line of text a call. */
export type PowerLog = (text: string) => void

export type PowerOptions = {
  /** The board's name, for messages. */
  board: string
  switch: PowerSwitch
  offDwellMs: number
  /** How often a failed switching is tried again. */
  retries: number
  retryDelayMs: number
  log?: PowerLog
  clock?: Clock
}

const defaultLimitMs = 10_000
const defaultSettleMs = 5000
const pollMs = 500

/**
 * Opens the power switch of a board.
 * Throws LabError where a secret is not there.
 */
export async function openPower(board: string, config: SwitchConfig, log?: PowerLog): Promise<PowerControl> {
  return new PowerControl({
    board,
    switch: await openSwitch(config),
    offDwellMs: checkedMs(config.offDwell),
    retries: config.retries,
    retryDelayMs: checkedMs(config.retryDelay),
    log,
  })
}

/**
 * Switches a board. After each action the state is verified where the switch can tell. What fails is tried again, every
 * attempt is told to `log`, and after the last one LabError says what went wrong first.
 * Disposing of it gives back what the switch holds and does not switch.
 */
export class PowerControl implements AsyncDisposable {
  readonly #options: PowerOptions
  readonly #switch: PowerSwitch
  readonly #clock: Clock
  readonly #log: PowerLog
  #offAtNs: bigint | undefined

  constructor(options: PowerOptions) {
    this.#options = options
    this.#switch = options.switch
    this.#clock = options.clock ?? systemClock
    this.#log = options.log ?? (() => {})
  }

  /** Switches on; after an `off` of this object not before the dwell is over. */
  async on(signal: AbortSignal): Promise<void> {
    await this.#dwell(signal)
    await this.#switchTo('on', signal)
  }

  async off(signal: AbortSignal): Promise<void> {
    try {
      await this.#switchTo('off', signal)
    } finally {
      // Also after a failure: it may have gone off without saying so.
      this.#offAtNs = this.#clock.nowNs()
    }
  }

  /** Off, dwell, on. */
  async cycle(signal: AbortSignal): Promise<void> {
    await this.off(signal)
    await this.on(signal)
  }

  /** What the switch says, asked once. Throws LabError when it does not answer. */
  async state(signal: AbortSignal): Promise<PowerState | 'unknown'> {
    signal.throwIfAborted()
    if (!this.#switch.state) return 'unknown'
    return await this.#limited((limit) => this.#switch.state!(limit), signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#switch.close?.()
  }

  async #dwell(signal: AbortSignal): Promise<void> {
    if (this.#offAtNs === undefined) return
    const leftMs = this.#options.offDwellMs - msBetween(this.#offAtNs, this.#clock.nowNs())
    if (leftMs > 0) await this.#clock.sleep(leftMs, signal)
  }

  async #switchTo(wanted: PowerState, signal: AbortSignal): Promise<void> {
    const { retries, retryDelayMs } = this.#options
    const attempts = retries + 1
    const startedAtNs = this.#clock.nowNs()
    const failures: LabError[] = []
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (attempt > 1) await this.#clock.sleep(retryDelayMs, signal)
      const outcome = await this.#attempt(wanted, signal)
      const which = attempts === 1 ? '' : `, attempt ${attempt} of ${attempts}`
      if (!(outcome instanceof LabError)) {
        this.#log(`power ${wanted}${attempt === 1 ? '' : which}: ${this.#switch.name} ${outcome}`)
        return
      }
      failures.push(outcome)
      const next = attempt < attempts ? `; again in ${seconds(retryDelayMs)}` : ''
      this.#log(`power ${wanted}${which}: ${outcome.message}${next}`)
    }
    throw this.#failed(wanted, failures, msBetween(startedAtNs, this.#clock.nowNs()))
  }

  /** What is known of the state after a switching that succeeded, or why it failed. */
  async #attempt(wanted: PowerState, signal: AbortSignal): Promise<string | LabError> {
    signal.throwIfAborted()
    try {
      await this.#limited((limit) => this.#switch[wanted](limit), signal)
      return await this.#verify(wanted, signal)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof LabError) return error
      throw error
    }
  }

  async #verify(wanted: PowerState, signal: AbortSignal): Promise<string | LabError> {
    const settleMs = this.#switch.settleMs ?? defaultSettleMs
    const startedAtNs = this.#clock.nowNs()
    for (;;) {
      const seen = await this.state(signal)
      if (seen === 'unknown') return 'took it; it can not tell the state'
      if (seen === wanted) return `says ${wanted}`
      if (msBetween(startedAtNs, this.#clock.nowNs()) >= settleMs) {
        return new LabError(
          `${this.#switch.name} took it and still says ${seen} after ${seconds(settleMs)}`,
          {
            hint: 'Its relay may be stuck, its outlet locked, or the descriptor may name another outlet.',
          },
        )
      }
      await this.#clock.sleep(pollMs, signal)
    }
  }

  /** A call with its limit, which holds also for a switch that does not heed its signal. */
  async #limited<T>(call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    const limitMs = this.#switch.limitMs ?? defaultLimitMs
    using deadline = new Deadline(limitMs, signal)
    try {
      return await orAborted(call(deadline.signal), deadline.signal)
    } catch (error) {
      signal.throwIfAborted()
      if (!deadline.expired) throw error
      throw new LabError(`${this.#switch.name} did not answer within ${seconds(limitMs)}`, { cause: error })
    }
  }

  #failed(wanted: PowerState, failures: readonly LabError[], elapsedMs: number): LabError {
    const { board } = this.#options
    const [first] = failures
    const last = failures.at(-1)!
    const changed = last.message === first!.message ? '' : `; the last time: ${last.message}`
    const effort =
      failures.length === 1
        ? `1 attempt, ${seconds(elapsedMs)}`
        : `${failures.length} attempts over ${seconds(elapsedMs)}`
    return new LabError(
      `the relay of ${board} did not switch ${wanted}: ${first!.message}${changed} (${effort})`,
      {
        hint: first!.hint ?? last.hint ?? `Try it by hand: npm run power -- ${board} ${wanted}`,
        board,
        cause: first,
      },
    )
  }
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`
}
