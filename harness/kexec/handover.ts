/** Follows a console from the command that executes to the new kernel's ready, line by line. */

import { parseKernelLine } from '../console/kernel-lines.ts'
import type { Line } from '../console/lines.ts'
import type { Markers } from './markers.ts'

/** Where a handover is. Each is reached from the one before it, and never left backwards. */
const stages = ['shutdown', 'gap', 'startup', 'userspace', 'ready'] as const
export type Stage = (typeof stages)[number]

/** What ended a handover before it was ready. */
export type StopReason = 'panic' | 'reset' | 'firmware' | 'exec-error' | 'refused' | 'stuck' | 'board-died'

export type Borders = { lastOld?: Line; firstNew?: Line; init?: Line; ready?: Line }

/** kernel/panic.c: the last that it says when nothing was started, after which it spins or reboots. */
const panicEnd = /---\[ end Kernel panic - not syncing/

type Waiter = { stage: Stage; resolve: () => void; reject: (error: HandoverStopped) => void }

/** Thrown to everyone who waits for a stage, once the handover cannot reach it any more. */
export class HandoverStopped extends Error {
  override name = 'HandoverStopped'
  readonly reason: StopReason

  constructor(reason: StopReason, message: string) {
    super(message)
    this.reason = reason
  }
}

export type HandoverOptions = {
  markers: Markers
  onBorder: (border: keyof Borders, line: Line) => void
  /** True: a panic of the old kernel is how it starts the new one, so its message is the last old line. */
  byPanic?: boolean | undefined
  /** How the line begins with which the new user space says that it is ready: a quiet kernel's first. */
  ready?: string | undefined
}

/** One handover as its lines arrive. Feed it every console line from just before the execute. */
export class Handover {
  readonly borders: Borders = {}
  /** The new kernel's stamped lines, for its own start and for what it warns about. */
  readonly newLines: Line[] = []
  readonly #options: HandoverOptions
  readonly #waiters = new Set<Waiter>()
  #stage: Stage = 'shutdown'
  #previous: Line | undefined
  #stopped: HandoverStopped | undefined

  constructor(options: HandoverOptions) {
    this.#options = options
  }

  get stage(): Stage {
    return this.#stage
  }

  /** Whether the new kernel said nothing before its user space was ready, as one with `quiet` does. */
  get quiet(): boolean {
    const { firstNew } = this.borders
    return firstNew !== undefined && this.#isReady(firstNew)
  }

  get stopped(): HandoverStopped | undefined {
    return this.#stopped
  }

  /** Takes in the next console line. */
  line(line: Line): void {
    if (this.#stopped) return
    const { markers } = this.#options
    if (markers.firmware.test(line.text))
      this.stop('firmware', `a firmware banner went by: ${JSON.stringify(line.text.slice(0, 120))}`)
    else if (this.#isOld) this.#oldLine(line)
    else this.#newLine(line)
    this.#previous = line
  }

  /** Says that the handover cannot go on, for a reason that the console does not show. */
  stop(reason: StopReason, message: string): void {
    if (this.#stopped || this.#stage === 'ready') return
    if (reason === 'panic' && this.#options.byPanic && this.#isOld) return
    this.#stop(reason, message)
  }

  /** Whether this line is the panic that starts the new kernel, and so nobody's fault. */
  isWantedPanic(line: Line): boolean {
    return this.#options.byPanic === true && this.borders.lastOld === line
  }

  #stop(reason: StopReason, message: string): void {
    this.#stopped = new HandoverStopped(reason, message)
    for (const waiter of this.#waiters) waiter.reject(this.#stopped)
    this.#waiters.clear()
  }

  /** Resolves when a stage is reached; rejects with HandoverStopped. Its caller sets the limit by aborting. */
  reach(stage: Stage, signal: AbortSignal): Promise<void> {
    if (stages.indexOf(this.#stage) >= stages.indexOf(stage)) return Promise.resolve()
    if (this.#stopped) return Promise.reject(this.#stopped)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { stage, resolve, reject }
    this.#waiters.add(waiter)
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    return promise.finally(() => {
      this.#waiters.delete(waiter)
      signal.removeEventListener('abort', onAbort)
    })
  }

  /** Says that user space answered, and since when it was ready. */
  ready(line: Line): void {
    if (this.#stage !== 'ready' && !this.#stopped) this.#border('ready', line, 'ready')
  }

  get #isOld(): boolean {
    return this.#stage === 'shutdown' || this.#stage === 'gap'
  }

  #oldLine(line: Line): void {
    const { markers } = this.#options
    if (this.#startsNewKernel(line)) {
      // A quiet old kernel says no last word: then the line before the new kernel's first was its last.
      if (!this.borders.lastOld && this.#previous) this.#border('lastOld', this.#previous, 'gap')
      this.newLines.push(line)
      this.#border('firstNew', line, 'startup')
    } else if (this.#stage === 'shutdown' && this.#isLastOld(line)) this.#border('lastOld', line, 'gap')
    else if (this.#options.byPanic ? panicEnd.test(line.text) : markers.panic.test(line.text))
      this.#stop('panic', line.text)
  }

  #isLastOld({ text }: Line): boolean {
    const { markers, byPanic } = this.#options
    return byPanic ? markers.panic.test(text) && !panicEnd.test(text) : markers.lastOldLine.test(text)
  }

  #newLine(line: Line): void {
    const { markers } = this.#options
    this.newLines.push(line)
    if (markers.panic.test(line.text)) this.stop('panic', line.text)
    else if (this.#stage === 'startup' && markers.init.test(line.text))
      this.#border('init', line, 'userspace')
  }

  /** The new kernel's own first line, or, where that one was lost or garbled on the wire, any line stamped near zero. */
  #startsNewKernel(line: Line): boolean {
    if (this.#options.markers.firstNewLine.test(line.text) || this.#isReady(line)) return true
    return this.#stage === 'gap' && parseKernelLine(line.text)?.seconds === 0
  }

  #isReady({ text }: Line): boolean {
    const { ready } = this.#options
    return ready !== undefined && text.startsWith(ready)
  }

  #border(name: keyof Borders, line: Line, stage: Stage): void {
    this.borders[name] = line
    this.#stage = stage
    this.#options.onBorder(name, line)
    for (const waiter of [...this.#waiters])
      if (stages.indexOf(waiter.stage) <= stages.indexOf(stage)) waiter.resolve()
  }
}

/**
 * When the new kernel's clock stood at zero, on the host's clock, in nanoseconds: the smallest difference between
 * a line's arrival and its printk stamp. It is an upper bound by the least delay of any line on its way, and null
 * where no line has a stamp above zero.
 */
export function kernelStartNs(lines: readonly Line[]): bigint | null {
  let start: bigint | null = null
  for (const line of lines) {
    const parsed = parseKernelLine(line.text)
    if (!parsed || parsed.seconds === 0) continue
    const candidate = line.atNs - BigInt(Math.round(parsed.seconds * 1e9))
    if (start === null || candidate < start) start = candidate
  }
  return start
}
