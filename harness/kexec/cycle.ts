/** One cycle: load, execute, handover, boot to ready, proof. */
import type { Board } from '../board/board.ts'
import { reachShell, shellStage } from '../board/stage/shell.ts'
import { systemClock } from '../clock.ts'
import { ConsoleClosed, ConsoleTimeout } from '../console/console.ts'
import type { Line } from '../console/lines.ts'
import { ScreenTimeout } from '../console/screen.ts'
import { Deadline } from '../deadline.ts'
import { Detector, type Hit } from '../detect/detector.ts'
import type { Signature } from '../detect/signature.ts'
import { KexecFailure } from '../errors.ts'
import { CycleFailed } from './cycle-errors.ts'
import { proveByConsole, proveByFacts } from './cycle-proof.ts'
import { diagnose } from './diagnose.ts'
import { type Borders, Handover, HandoverStopped, type Stage } from './handover.ts'
import type { KernelStart } from './kernel-start.ts'
import { LabWatch } from './lab-watch.ts'
import type { Markers } from './markers.ts'
import type { Observation } from './observe/observer.ts'
import type { Diagnosis, Gap, MarkName, Phases } from './outcome.ts'
import { type KernelFacts, readKernelFacts } from './proof.ts'
import { watchForStuck } from './stuck-watch.ts'
import { describeGap, foreignInGap, Timeline, withoutForeign } from './timeline.ts'

export type CycleContext = {
  board: Board
  /** How the new kernel is loaded and started. */
  start: KernelStart
  markers: Markers
  signatures: Signature[]
  onMark: (name: MarkName, atNs: bigint, line?: string) => void
  /** What watches this cycle beyond its console; it is disturbed by nothing else. */
  observation?: Observation | undefined
  signal: AbortSignal
}

export type CycleOutcome = {
  proven: boolean
  phases: Phases
  gap?: Gap
  /** The kernel that came up; absent where none did. */
  after?: KernelFacts
  hits: Hit[]
  failure?: KexecFailure
  diagnosis?: Diagnosis
}

const factsTimeoutMs = 60_000
/** After a panic the trace is still on its way. */
const panicTailMs = 1_500

/** Runs one cycle. A failed kexec is an outcome; what it throws is not the kexec's fault (LabError, AbortError). */
export async function runCycle(given: CycleContext): Promise<CycleOutcome> {
  using lab = new LabWatch(given)
  const context = { ...given, signal: lab.signal }
  const cycle = new Cycle(context)
  using _watch = cycle.watch()
  try {
    await cycle.load()
    // In every cycle alike, also where a debugger's stops would do it: so nobody who looks changes what is seen.
    await context.board.forgetTranslations?.()
    await context.observation?.prepare()
    await cycle.execute()
    await cycle.prove()
    await context.observation?.finish(true)
    lab.refuse()
    return { ...cycle.observed(), proven: true }
  } catch (error) {
    // Also where the error is nobody's failure: what was set up to watch must not go on.
    const failed = await lab
      .unlessAtFault(() => cycle.failed(error))
      .finally(() => context.observation?.finish(false))
    return { ...failed, ...cycle.observed(), proven: false }
  }
}

/** What a failed kexec looks like from here; anything else is somebody else's fault. */
const endsCycle = [CycleFailed, HandoverStopped, ConsoleTimeout, ConsoleClosed, ScreenTimeout]

class Cycle {
  readonly #context: CycleContext
  readonly #handover: Handover
  readonly #detector: Detector
  readonly #timeline = new Timeline()
  #after: KernelFacts | undefined
  #executing = false
  #executeFrom = 0

  constructor(context: CycleContext) {
    this.#context = context
    const { descriptor } = context.board
    this.#detector = new Detector({ signatures: context.signatures, arch: descriptor.arch })
    this.#handover = new Handover({
      markers: context.markers,
      byPanic: context.start.byPanic,
      ready: context.start.arrive ? undefined : shellStage(descriptor).ready,
      onBorder: (border, line) => {
        this.#mark(borderMarks[border], line.atNs, line.text)
        // What the old kernel ran since then, on its way out.
        if (border === 'firstNew') void context.board.forgetTranslations?.()
      },
    })
  }

  /** Follows the console and the machine until disposed. */
  watch(): Disposable {
    const stack = new DisposableStack()
    stack.defer(this.#context.board.console.onLine((line) => this.#line(line)))
    stack.defer(
      this.#context.board.onTrouble(({ kind, message }) =>
        this.#handover.stop(kind === 'died' ? 'board-died' : kind, message),
      ),
    )
    return stack
  }

  async load(): Promise<void> {
    const { start, signal } = this.#context
    await start.load({ signal, mark: (name, atNs) => this.#mark(name, atNs) })
  }

  /** Executes and follows the handover to a shell that answers, each stage within its limit. */
  async execute(): Promise<void> {
    const { start, signal } = this.#context
    const arrived = new AbortController()
    const over = new AbortController()
    this.#executing = true
    this.#executeFrom = this.#context.board.console.position
    const cameBack = start
      .execute({
        timeoutMs: this.#executeLimitMs,
        signal: AbortSignal.any([signal, arrived.signal]),
        mark: (name, atNs, line) => this.#mark(name, atNs, line),
      })
      .then(({ reason, message }) => this.#handover.stop(reason, message))
    try {
      const followed = this.#follow(() => arrived.abort(), AbortSignal.any([signal, over.signal]))
      // Its own end by the new kernel's arrival is no news; what else it throws is.
      await Promise.race([
        followed,
        cameBack
          .catch((error) => (arrived.signal.aborted ? undefined : Promise.reject(error)))
          .then(() => followed),
      ])
    } finally {
      arrived.abort()
      // What is still waited for would keep the process alive until its limit is over.
      over.abort()
      await cameBack.catch(() => {})
    }
  }

  async #follow(onNewKernel: () => void, signal: AbortSignal): Promise<void> {
    const { board, start } = this.#context
    const { limits } = board.descriptor
    await this.#within('gap', start.shutdownLimitMs, signal)
    {
      using _watch = watchForStuck(board, (what) => this.#handover.stop('stuck', what))
      await this.#within('startup', limits.gapMs, signal)
    }
    // A quiet kernel's first line is the one that is waited for.
    const from = this.#handover.quiet ? this.#executeFrom : board.console.position
    onNewKernel()
    const stop = new AbortController()
    const options = { from, timeoutMs: limits.startupMs, signal: AbortSignal.any([signal, stop.signal]) }
    const shell = start.arrive
      ? start.arrive(options)
      : reachShell(board.console, board.shell, shellStage(board.descriptor), options)
    try {
      const ready = await Promise.race([shell, this.#handover.reach('ready', stop.signal).then(() => shell)])
      this.#handover.ready(ready)
    } finally {
      stop.abort()
      await shell.catch(() => {})
    }
  }

  async prove(): Promise<void> {
    const { board, start, signal } = this.#context
    if (start.arrive) return proveByConsole(start, this.#handover.newLines)
    this.#after = await readKernelFacts(board.shell, factsTimeoutMs, signal)
    await proveByFacts(start, this.#after, signal)
  }

  /** What was seen, however the cycle ended. */
  observed(): Pick<CycleOutcome, 'phases' | 'gap' | 'hits' | 'after'> {
    const { board, observation, start } = this.#context
    const { arch, earlyConsole } = board.descriptor
    const { inspection, borders, samples, kimage } = observation?.evidence ?? {}
    const inspectionMs = inspection?.stoppedMs ?? foreignInGap(this.#handover, borders)
    return {
      phases: withoutForeign(this.#timeline.phases(), inspectionMs),
      gap: describeGap(
        this.#handover,
        { arch, earlyConsole: start.earlyConsole ?? earlyConsole },
        { ...{ inspectionMs, borders, samples, kimage }, uncertaintyMs: board.stampUncertaintyMs },
      ),
      hits: this.#detector.finish(),
      after: this.#after,
    }
  }

  async failed(error: unknown): Promise<Pick<CycleOutcome, 'failure' | 'diagnosis'>> {
    const { board, start, signal } = this.#context
    if (signal.aborted) throw signal.reason
    const stopped = this.#handover.stopped
    if (!endsCycle.some((kind) => error instanceof kind)) throw error
    if (stopped?.reason === 'panic') await systemClock.sleep(panicTailMs, signal).catch(() => {})
    const diagnosis = await diagnose({
      board,
      nonce: start.nonce,
      stage: this.#executing ? this.#handover.stage : 'load',
      stopped,
      failed:
        error instanceof CycleFailed
          ? { kind: error.kind, message: error.message, facts: error.facts }
          : undefined,
      timeout: error instanceof ConsoleTimeout || error instanceof ScreenTimeout ? error.message : undefined,
      stageLimitMs: this.#stageLimitMs(),
      fromMenu: start.fromMenu === true,
    })
    // A menu has no last line; what it showed is in the report.
    const atLoader = diagnosis.kind === 'refused' || diagnosis.kind === 'hang-in-loader'
    const last = atLoader ? '' : `; last line: ${JSON.stringify(board.console.lastLine.slice(0, 200))}`
    const message = `${diagnosis.summary} on ${board.descriptor.name}${last}`
    return { failure: new KexecFailure(message, { board: board.descriptor.name, cause: error }), diagnosis }
  }

  #line(line: Line): void {
    if (this.#executing) {
      this.#handover.line(line)
      this.#context.observation?.line(line, this.#handover.stage)
    }
    if (this.#handover.isWantedPanic(line)) return
    this.#detector.line(line, this.#executing ? detectPhase[this.#handover.stage] : 'load')
  }

  async #within(stage: Stage, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { board } = this.#context
    using limit = new Deadline(timeoutMs, signal)
    try {
      await this.#handover.reach(stage, limit.signal)
    } catch (error) {
      if (!limit.expired || error instanceof HandoverStopped) throw error
      throw new ConsoleTimeout(awaited[stage], timeoutMs, board.console.lastLine)
    }
  }

  #stageLimitMs(): number {
    const { board, start } = this.#context
    const { limits } = board.descriptor
    if (!this.#executing) return limits.loadMs
    if (this.#handover.stage === 'shutdown') return start.shutdownLimitMs
    return this.#handover.stage === 'gap' ? limits.gapMs : limits.startupMs
  }

  get #executeLimitMs(): number {
    const { board, start } = this.#context
    const { gapMs, startupMs } = board.descriptor.limits
    return start.shutdownLimitMs + gapMs + startupMs
  }

  #mark(name: MarkName, atNs: bigint, line?: string): void {
    this.#timeline.mark(name, atNs)
    this.#context.onMark(name, atNs, line)
  }
}

const borderMarks: Record<keyof Borders, MarkName> = {
  lastOld: 'last-old-line',
  firstNew: 'first-new-line',
  init: 'init',
  ready: 'ready',
}

const awaited: Record<Stage, string> = {
  shutdown: 'answer',
  gap: "old kernel's last line",
  startup: 'new-kernel output',
  userspace: 'init',
  ready: 'ready line of the new user space',
}

const detectPhase = {
  shutdown: 'shutdown',
  gap: 'handover',
  startup: 'early',
  userspace: 'userspace',
  ready: 'userspace',
} as const
