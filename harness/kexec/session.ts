/** One board over many generations: cold boots, cycles, and recovery when a cycle left it dead. */
import type { Board, StartBoard, TargetFiles } from '../board/board.ts'
import { msBetween, systemClock } from '../clock.ts'
import { onlyNew } from '../detect/compare.ts'
import type { Hit } from '../detect/detector.ts'
import { leftByPanic, type ObservedFinding } from '../detect/handover-findings.ts'
import type { Signature } from '../detect/signature.ts'
import { type BoardError, LabError } from '../errors.ts'
import type { LoadLayout } from '../loader/kexec-debug.ts'
import type { LoadMethod, ShellLoader } from '../loader/loader.ts'
import { bootFailure } from './boot-failure.ts'
import { type CycleOutcome, runCycle } from './cycle.ts'
import { kernelLacks, UnsupportedMethod } from './cycle-errors.ts'
import { GenerationZero } from './generation-zero.ts'
import type { Markers } from './markers.ts'
import type { Observed } from './observe/observed.ts'
import { type Evidence, Observation, type Observer, type Observing } from './observe/observer.ts'
import type { MarkName } from './outcome.ts'
import type { KernelFacts } from './proof.ts'
import { Recovery } from './recovery.ts'
import { type LoadRequest, shellStart } from './shell-start.ts'

export type BootEnd = {
  kernel: string | null
  durationMs: number
  failure?: BoardError | LabError
  /** True: the board did not boot but went on from where an earlier cold boot had got to. */
  warm?: boolean
  /** What a person should know about that. */
  note?: string
}

/** Hears what a session does, as it happens. */
export type SessionListener = {
  bootStarted(attempt: number): void
  bootEnded(boot: BootEnd): void
  mark(name: MarkName, atNs: bigint, line?: string): void
  recovery(step: string, outcome: string, ok: boolean): void
}

export type SessionOptions = {
  board: Board
  loader: ShellLoader
  markers: Markers
  /** Called once, after the board was switched on: reading the catalogue must not delay that. */
  loadSignatures: () => Promise<Signature[]>
  listener: SessionListener
  /** What to watch beyond the console; absent: nothing. */
  observing?: Observing | undefined
  /** Whether a power-on may go on from where an earlier cold boot had got to; absent: each boots. */
  warm?: boolean
  signal: AbortSignal
}

export type CycleOptions = {
  /** Added to the new kernel's command line. */
  append?: string | undefined
  /** PCI devices to unbind from their drivers before the execute. */
  unbind?: readonly string[]
  /** Watch this cycle beside what watches every one, where anything does. */
  observers?: readonly Observer[]
  /** How much larger than the target's own the new kernel's initramfs is made, MiB; what it holds stays the same. */
  padInitramfsMiB?: number | undefined
  /** Whether the new kernel shows its first words, before its console driver is there; else what the descriptor says. */
  earlyConsole?: boolean | undefined
}

/** What one cycle did, and which generation it was to make. */
export type SessionCycle = CycleOutcome & {
  generation: number
  /** What the kexec'd kernel complained about and a cold boot of the board did not. */
  newHits: Hit[]
  /** What was seen beyond the console, and what is wrong with it; absent where nothing was observed. */
  evidence?: Evidence
  record?: Observed
  observed: ObservedFinding[]
}

export class KexecSession {
  readonly #options: SessionOptions
  #generation = 0
  /** Shared with sessions of other loaders on this board. */
  #attempts = { count: 0 }
  /** Whether the last power-on went on from where an earlier cold boot had got to. */
  #warm = false
  /** Facts of the kernel that runs; undefined where none is known to run. */
  #running: KernelFacts | undefined
  #target: TargetFiles | undefined
  /** The command line that generation 0 hands on: what one cycle adds is not for those after it. */
  #inherited: string | undefined
  readonly #zero: GenerationZero
  #loadedSignatures: Promise<Signature[]> | undefined

  constructor(options: SessionOptions) {
    this.#options = options
    this.#zero = new GenerationZero(options, () => this.#signatures())
  }

  /** The same board with another loader, which boots it anew; so does this one when it is used again. */
  withLoader(loader: ShellLoader): KexecSession {
    this.#running = undefined
    const other = new KexecSession({ ...this.#options, loader })
    other.#attempts = this.#attempts
    return other
  }

  /** How many kexecs this power-on has seen. */
  get generation(): number {
    return this.#generation
  }

  get running(): KernelFacts | undefined {
    return this.#running
  }

  /**
   * Boots the board cold unless a kernel is known to run: the check of its health before it is used.
   * Throws BoardError or LabError when it does not come up.
   */
  async ensureRunning(): Promise<KernelFacts> {
    return this.#running ?? (await this.#recovery().bringUp())
  }

  /** Switches the power off and on and waits for generation 0. Throws BoardError, or LabError where the lab is at fault. */
  async boot(): Promise<KernelFacts> {
    const { board, signal } = this.#options
    this.#running = undefined
    await board.powerOff()
    return await this.#boot((commandLine) => board.powerOn(commandLine, signal), this.#options.warm)
  }

  /** Waits for generation 0, however the board was made to boot. */
  async #boot(start: StartBoard, mayBeWarm = false): Promise<KernelFacts> {
    const { listener } = this.#options
    this.#running = undefined
    this.#generation = 0
    this.#target = undefined
    this.#inherited = undefined
    listener.bootStarted(++this.#attempts.count)
    const startedNs = systemClock.nowNs()
    const durationMs = () => msBetween(startedNs, systemClock.nowNs())
    try {
      const { facts, ...end } = await this.#zero.boot(start, mayBeWarm)
      this.#running = facts
      this.#warm = end.warm ?? false
      listener.bootEnded({ kernel: facts.release, durationMs: durationMs(), ...end })
      return facts
    } catch (error) {
      const failure = bootFailure(error, this.#options) ?? (error instanceof LabError ? error : undefined)
      if (failure) listener.bootEnded({ kernel: null, durationMs: durationMs(), failure })
      throw failure ?? error
    }
  }

  /** Runs one cycle on the running kernel. A failed one leaves the board to be recovered by the next `ensureRunning`. */
  async cycle(
    method: LoadMethod,
    { append, unbind, observers, padInitramfsMiB, earlyConsole }: CycleOptions = {},
  ): Promise<SessionCycle> {
    const { observing } = this.#options
    const before = await this.ensureRunning()
    const target = await this.#provideTarget()
    const generation = this.#generation + 1
    const observation =
      observing && this.#observe([...(observers ?? []), ...observing.observers(unbind ?? [])])
    // Until the outcome says otherwise: what a cycle that was broken off left behind is not known.
    this.#running = undefined
    const outcome = await this.#runCycle(
      {
        ...{ method, target, append: [observing?.parameters, append].filter(Boolean).join(' '), before },
        ...{ padInitramfsMiB, earlyConsole },
      },
      observation,
    )
    this.#settle(outcome, generation, before)
    return {
      ...outcome,
      generation,
      newHits: onlyNew(outcome.hits, this.#zero.hits),
      ...(observing && observation
        ? seenBy(observing, observation.evidence, this.#options.loader)
        : { observed: [] }),
    }
  }

  /**
   * Loads and unloads; returns what /sys/kernel/kexec_loaded said after each, and where the loader put things if it was asked to
   * tell (`options.debug`). Throws UnsupportedMethod.
   */
  async loadAndUnload(method: LoadMethod): Promise<{
    afterLoad: boolean | null
    afterUnload: boolean | null
    output: string
    layout: LoadLayout | undefined
  }> {
    const { board, loader, signal } = this.#options
    const why = loader.cannot?.(method)
    if (why !== undefined) throw new UnsupportedMethod(why)
    const { release } = await this.ensureRunning()
    const target = await this.#provideTarget()
    const options = { timeoutMs: board.descriptor.limits.loadMs, signal }
    const load = await loader.load(board.shell, { ...target, append: 'console=none' }, method, options)
    if (load.unsupported) throw kernelLacks(release, method)
    const unload = await loader.unload(board.shell, method, options)
    return {
      afterLoad: load.loaded,
      afterUnload: unload.loaded,
      layout: load.layout,
      output: [load.output, unload.output].filter(Boolean).join('\n'),
    }
  }

  /**
   * Brings a board back after a failed cycle: what it may still answer to first, then its power, as often as its
   * descriptor says. Throws BoardError or LabError when nothing helped.
   */
  async recover(): Promise<void> {
    if (!this.#running) await this.#recovery().run()
  }

  async #provideTarget(): Promise<TargetFiles> {
    const { board, signal } = this.#options
    this.#target ??= await board.provideTarget(signal)
    this.#inherited ??= this.#target.commandLine
    return this.#inherited === undefined ? this.#target : { ...this.#target, commandLine: this.#inherited }
  }

  #recovery(): Recovery {
    return new Recovery(this.#options, {
      resume: (start) => this.#boot(start),
      powerCycle: () => this.boot(),
      wasWarm: () => this.#warm,
    })
  }

  #observe(observers: readonly Observer[]): Observation {
    const { board, signal } = this.#options
    return new Observation(observers, { board, signal }, this.#zero.devices)
  }

  async #runCycle(request: LoadRequest, observation?: Observation): Promise<CycleOutcome> {
    const { listener } = this.#options
    try {
      return await runCycle({
        ...this.#options,
        start: shellStart(request, this.#options),
        signatures: await this.#signatures(),
        observation,
        onMark: (name, atNs, line) => listener.mark(name, atNs, line),
      })
    } catch (error) {
      if (error instanceof UnsupportedMethod) this.#running = request.before
      throw error
    }
  }

  /** The old kernel still runs after a load error; after any other failure the board's state is unknown. */
  #settle(outcome: CycleOutcome, generation: number, before: KernelFacts): void {
    if (outcome.diagnosis?.kind === 'load-error') this.#running = before
    else this.#target = undefined
    if (!outcome.proven) return
    // A capture kernel runs in the little memory that was set aside: nothing further can be kexec'd from there.
    if (!this.#options.loader.byPanic) this.#running = outcome.after
    this.#generation = generation
  }

  #signatures(): Promise<Signature[]> {
    this.#loadedSignatures ??= this.#options.loadSignatures()
    return this.#loadedSignatures
  }
}

function seenBy(
  observing: Observing,
  evidence: Evidence,
  { byPanic }: ShellLoader,
): Pick<SessionCycle, 'evidence' | 'record' | 'observed'> {
  const findings = observing.findings(evidence)
  return {
    evidence,
    record: observing.record(evidence),
    observed: byPanic ? findings.map(leftByPanic) : findings,
  }
}
