/** A board as the tests of a suite see it: each cycle is recorded, judged, and recovered from. */
import type { Board } from '../../harness/board/board.ts'
import type { Descriptor } from '../../harness/board/descriptor.ts'
import type { CommandResult } from '../../harness/console/shell.ts'
import { isSerious } from '../../harness/detect/finding.ts'
import type { Finding } from '../../harness/journal/events.ts'
import type { GapExperiment } from '../../harness/kexec/experiment/result.ts'
import type { MarkName } from '../../harness/kexec/outcome.ts'
import type { CycleOptions, KexecSession, SessionCycle } from '../../harness/kexec/session.ts'
import { kdump } from '../../harness/loader/kdump.ts'
import type { LoadMethod } from '../../harness/loader/loader.ts'
import { failureOf, findingsOf } from './findings.ts'
import type { Recording } from './recording.ts'
import { SessionRecord } from './session-record.ts'
import { skipOf } from './skip.ts'

export type KexecOptions = {
  iteration?: number
  iterations?: number
  /** What the cycle differs in from the others of its test, in words; it is a control cycle then, as a warm-up is. */
  condition?: string | undefined
  warmup?: boolean
} & CycleOptions

/** A cycle that was recorded. */
export type RecordedCycle = SessionCycle & { cycle: number; findings: Finding[] }

type Parts = {
  suite: string
  descriptor: Descriptor
  /** The loader's name. */
  loader: string
  recording: Recording
  journal: string
  /** Whether the driver behind a finding is searched for by unbinding others. */
  bisectDrivers: boolean
}

export class BoardUnderTest extends SessionRecord {
  readonly #parts: Parts
  #session: KexecSession | undefined
  #board: Board | undefined
  /** The test whose finding was searched for its driver. */
  #searched: string | undefined
  /** Whether the kexecs at the moment are trials of a search, which are no cycles of a test. */
  #trying = false

  constructor(parts: Parts) {
    super(parts)
    this.#parts = parts
  }

  async attach(session: KexecSession, board: Board): Promise<void> {
    this.#session = session
    this.#board = board
    await this.countOn(this.#parts.journal, this.#parts.descriptor.name)
  }

  get session(): KexecSession {
    return this.#session!
  }

  /** The board itself, for what a test does or looks at beside its cycles. */
  get board(): Board {
    return this.#board!
  }

  /** Runs a command in the shell of the kernel that runs; boots the board where none is known to. */
  async run(command: string): Promise<CommandResult> {
    await this.session.ensureRunning()
    return await this.board.shell.run(command, { timeoutMs: this.#parts.descriptor.limits.loadMs })
  }

  /** One crash, into a crash kernel that was loaded before; the board boots before and after it. As `tryKexec`. */
  async tryCrash(method: LoadMethod, options: KexecOptions = {}): Promise<RecordedCycle> {
    const usual = this.session
    this.#session = usual.withLoader(kdump)
    try {
      return await this.tryKexec(method, options)
    } finally {
      this.#session = usual
    }
  }

  /** One cycle that has to succeed. Throws KexecFailure otherwise; the next cycle starts from a cold boot then. */
  async kexec(method: LoadMethod, options: KexecOptions = {}): Promise<RecordedCycle> {
    const cycle = await this.tryKexec(method, options)
    if (cycle.failure) throw cycle.failure
    return cycle
  }

  /** One cycle; a failed one is returned with its failure and diagnosis, and the board is brought back. */
  async tryKexec(method: LoadMethod, options: KexecOptions = {}): Promise<RecordedCycle> {
    await this.session.ensureRunning()
    const cycle = await this.#recordCycle(method, options)
    if (this.#parts.bisectDrivers) await this.#searchDriver(cycle, method)
    // After a proven cycle only a capture kernel is not known to run, and the next cycle boots cold by itself.
    if (!this.session.running && !cycle.proven) await this.session.recover()
    return cycle
  }

  async #recordCycle(method: LoadMethod, options: KexecOptions): Promise<RecordedCycle> {
    const cycle = ++this.cycle
    this.#recordStart(cycle, method, options)
    try {
      const outcome = await this.session.cycle(method, options)
      const findings = findingsOf(outcome, this.#parts.descriptor)
      const failure = outcome.failure ?? failureOf(findings)
      this.recordEnd(outcome, failure)
      const { recording, suite } = this.#parts
      if (outcome.record) recording.add({ type: 'cycle-observed', cycle, observed: outcome.record })
      for (const finding of findings)
        recording.add({ type: 'finding', ...finding, suite, test: this.testTitle, cycle })
      return { ...outcome, failure, cycle, findings }
    } catch (error) {
      const skip = skipOf(error)
      this.recordBroken(error, skip && 'skipped')
      throw skip ?? error
    }
  }

  /** One search a test: the driver behind its first serious finding. */
  async #searchDriver(cycle: RecordedCycle, method: LoadMethod): Promise<void> {
    const { recording, suite, descriptor } = this.#parts
    const finding = cycle.findings.find(isSerious)
    if (!finding || this.#searched === this.testTitle) return
    this.#searched = this.testTitle
    const tell = (text: string) => recording.add({ type: 'note', text })
    this.#trying = true
    try {
      // Only now: few runs search, and every run waits for what is loaded at its start.
      const { searchDriver } = await import('./driver-search.ts')
      const named = await searchDriver(
        { finding, bindings: cycle.evidence?.bindings ?? [], session: this.session, method, descriptor },
        tell,
      )
      if (named) recording.add({ type: 'finding', ...named, suite, test: this.testTitle, cycle: cycle.cycle })
    } finally {
      this.#trying = false
    }
  }

  /** Records what an experiment on the gap came to. */
  recordExperiment(experiment: GapExperiment): void {
    const { recording, suite } = this.#parts
    recording.add({ type: 'gap-experiment', suite, test: this.testTitle, experiment })
  }

  async close(): Promise<void> {
    await this.#board?.[Symbol.asyncDispose]()
  }

  override mark(name: MarkName, atNs: bigint, line?: string): void {
    if (!this.#trying) super.mark(name, atNs, line)
  }

  #recordStart(cycle: number, method: LoadMethod, options: KexecOptions): void {
    const { recording, suite } = this.#parts
    const { iteration = 1, iterations = 1, condition, warmup = condition !== undefined } = options
    recording.add({
      type: 'cycle-started',
      suite,
      test: this.testTitle,
      cycle,
      generation: this.session.generation + 1,
      iteration,
      iterations,
      loader: this.#parts.loader,
      syscall: method.syscall,
      checks: method.checks,
      noIfdown: !method.ifdown,
      warmup,
      condition,
    })
  }
}
