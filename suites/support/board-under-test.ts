/** A board as the tests of a suite see it: each cycle is recorded, judged, and recovered from. */
import type { Board } from '../../harness/board/board.ts'
import type { Descriptor } from '../../harness/board/descriptor.ts'
import { toFindings } from '../../harness/detect/compare.ts'
import { type BoardError, KexecFailure } from '../../harness/errors.ts'
import type { Finding } from '../../harness/journal/events.ts'
import { readJournal } from '../../harness/journal/journal.ts'
import { adviceFor, phaseOf } from '../../harness/kexec/advice.ts'
import { UnsupportedMethod } from '../../harness/kexec/cycle-errors.ts'
import type { MarkName } from '../../harness/kexec/outcome.ts'
import type { KexecSession, SessionCycle, SessionListener } from '../../harness/kexec/session.ts'
import { kexecTools } from '../../harness/loader/kexec-tools.ts'
import type { LoadMethod } from '../../harness/loader/loader.ts'
import { type Recording, toFailure, verdictOf } from './recording.ts'
import { Skip } from './skip.ts'

export type KexecOptions = { iteration?: number; iterations?: number; append?: string }

/** A cycle that was recorded. */
export type RecordedCycle = SessionCycle & { cycle: number; findings: Finding[] }

type Parts = { suite: string; descriptor: Descriptor; recording: Recording; journal: string }

export class BoardUnderTest implements SessionListener {
  readonly #parts: Parts
  #session: KexecSession | undefined
  #board: Board | undefined
  #test = ''
  #cycle = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Cycles are numbered through the run, over all suites of a board. */
  async attach(session: KexecSession, board: Board): Promise<void> {
    this.#session = session
    this.#board = board
    for await (const event of readJournal(this.#parts.journal))
      if (event.type === 'cycle-started' && event.board === this.#parts.descriptor.name)
        this.#cycle = event.cycle
  }

  startTest(title: string): void {
    this.#test = title
  }

  get session(): KexecSession {
    return this.#session!
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
    if (!this.session.running) await this.session.recover()
    return cycle
  }

  async #recordCycle(method: LoadMethod, options: KexecOptions): Promise<RecordedCycle> {
    const cycle = ++this.#cycle
    this.#recordStart(cycle, method, options)
    try {
      const outcome = await this.session.cycle(method, options.append)
      const findings = this.#findings(outcome)
      const failure = outcome.failure ?? seriousFinding(findings)
      this.#recordEnd(cycle, outcome, failure)
      const { recording, suite } = this.#parts
      for (const finding of findings)
        recording.add({ type: 'finding', ...finding, suite, test: this.#test, cycle })
      return { ...outcome, failure, cycle, findings }
    } catch (error) {
      this.#recordBroken(cycle, error)
      throw error instanceof UnsupportedMethod ? new Skip(error.message) : error
    }
  }

  async close(): Promise<void> {
    await this.#board?.[Symbol.asyncDispose]()
  }

  bootStarted(attempt: number): void {
    this.#parts.recording.add({ type: 'boot-started', attempt })
  }

  bootEnded(boot: { kernel: string | null; durationMs: number; failure?: BoardError }): void {
    const failure = boot.failure && toFailure(boot.failure)
    this.#parts.recording.add({ type: 'boot-ended', ...boot, failure, verdict: failure ? 'error' : 'passed' })
  }

  mark(name: MarkName, atNs: bigint, line?: string): void {
    this.#parts.recording.add({
      type: 'mark',
      t: Number(atNs),
      cycle: this.#cycle,
      name,
      line: line?.slice(0, 500),
    })
  }

  recovery(step: string, outcome: string, ok: boolean): void {
    this.#parts.recording.add({ type: 'recovery', step, outcome, ok })
  }

  #recordStart(cycle: number, method: LoadMethod, { iteration = 1, iterations = 1 }: KexecOptions): void {
    const { recording, suite } = this.#parts
    recording.add({
      type: 'cycle-started',
      suite,
      test: this.#test,
      cycle,
      generation: this.session.generation + 1,
      iteration,
      iterations,
      loader: kexecTools.name,
      syscall: method.syscall,
      checks: method.checks,
      noIfdown: !method.ifdown,
      warmup: false,
    })
  }

  #recordEnd(cycle: number, outcome: SessionCycle, failure: KexecFailure | undefined): void {
    this.#parts.recording.add({
      type: 'cycle-ended',
      cycle,
      verdict: failure ? 'failed' : 'passed',
      proven: outcome.proven,
      kernel: outcome.after?.release ?? null,
      phases: outcome.phases,
      gap: outcome.gap,
      memAvailableKiB: outcome.after?.memAvailableKiB ?? null,
      failure: failure && toFailure(failure),
      diagnosis: outcome.diagnosis,
    })
  }

  #recordBroken(cycle: number, error: unknown): void {
    const unsupported = error instanceof UnsupportedMethod
    this.#parts.recording.add({
      type: 'cycle-ended',
      cycle,
      verdict: unsupported ? 'skipped' : verdictOf(error),
      proven: false,
      kernel: null,
      phases: {},
      memAvailableKiB: null,
      failure: toFailure(error),
    })
  }

  /** What the cycle shows to be wrong: new complaints of the kernel, and the diagnosis of a failed one. */
  #findings({ newHits, diagnosis, generation }: SessionCycle): Finding[] {
    const { descriptor } = this.#parts
    const about = { board: descriptor.name, generation }
    const findings: Finding[] = toFindings(newHits, about)
    if (diagnosis)
      findings.push({
        id: diagnosis.kind,
        severity: 'fatal',
        phase: phaseOf(diagnosis.kind),
        ...about,
        device: null,
        driver: null,
        cpu: null,
        confidence: diagnosis.confidence,
        evidence: [diagnosis.summary, ...diagnosis.evidence],
        advice: adviceFor(diagnosis.kind),
      })
    return findings.map((finding) => this.#withAllowance(finding))
  }

  /** A finding that the board's owner allows stays in the record and fails nothing. */
  #withAllowance(finding: Finding): Finding {
    const today = new Date().toISOString().slice(0, 10)
    const allowed = this.#parts.descriptor.allow.find(
      ({ signature, until }) => signature === finding.id && until >= today,
    )
    if (!allowed) return finding
    return {
      ...finding,
      severity: 'info',
      evidence: [...finding.evidence, `allowed until ${allowed.until} by ${allowed.owner}: ${allowed.why}`],
    }
  }
}

/** A kexec that comes up and then complains of an error has failed all the same. */
function seriousFinding(findings: Finding[]): KexecFailure | undefined {
  const serious = findings.find(({ severity }) => severity === 'error' || severity === 'fatal')
  return (
    serious &&
    new KexecFailure(
      `${serious.id} after the kexec and not after a cold boot: ${serious.evidence[0] ?? ''}`,
      {
        hint: serious.advice,
        board: serious.board,
      },
    )
  )
}
