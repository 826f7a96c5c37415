/** What a session tells of itself, written into the run's journal. */
import type { Snapshot } from '../../harness/console/screen.ts'
import type { KexecFailure } from '../../harness/errors.ts'
import type { Verdict } from '../../harness/journal/events.ts'
import { readJournal } from '../../harness/journal/journal.ts'
import type { Downtime } from '../../harness/kexec/observe/downtime-record.ts'
import type { MarkName, Phases } from '../../harness/kexec/outcome.ts'
import type { BootEnd, SessionCycle, SessionListener } from '../../harness/kexec/session.ts'
import { type Recording, toFailure, verdictOf } from './recording.ts'

const keptLineCharacters = 500

export class SessionRecord implements SessionListener {
  /** The title of the test that runs. */
  protected testTitle = ''
  /** The number of the cycle that runs, or that ran last. */
  protected cycle = 0
  readonly #suite: string
  readonly #recording: Recording

  constructor({ suite, recording }: { suite: string; recording: Recording }) {
    this.#suite = suite
    this.#recording = recording
  }

  startTest(title: string): void {
    this.testTitle = title
  }

  bootStarted(attempt: number): void {
    this.#recording.add({ type: 'boot-started', attempt })
  }

  bootEnded(boot: BootEnd): void {
    const failure = boot.failure && toFailure(boot.failure)
    this.#recording.add({ type: 'boot-ended', ...boot, failure, verdict: failure ? 'error' : 'passed' })
  }

  mark(name: MarkName, atNs: bigint, line?: string): void {
    const text = line?.slice(0, keptLineCharacters)
    this.#recording.add({ type: 'mark', t: Number(atNs), cycle: this.cycle, name, line: text })
  }

  recovery(step: string, outcome: string, ok: boolean): void {
    this.#recording.add({ type: 'recovery', step, outcome, ok })
  }

  screen(title: string, snapshot: Snapshot): void {
    this.#recording.add({
      type: 'screen',
      ...{
        suite: this.#suite,
        test: this.testTitle,
        cycle: this.cycle,
        title: title.slice(0, keptLineCharacters),
      },
      snapshot,
    })
  }

  /** Cycles are numbered through the run, over all suites of a board. */
  protected async countOn(journal: string, board: string): Promise<void> {
    for await (const event of readJournal(journal))
      if (event.type === 'cycle-started' && event.board === board) this.cycle = event.cycle
  }

  /** Records how the cycle that runs ended. */
  protected recordEnd(
    {
      proven,
      after,
      phases,
      gap,
      diagnosis,
      evidence,
    }: Pick<SessionCycle, 'proven' | 'after' | 'phases' | 'gap' | 'diagnosis' | 'evidence'>,
    failure: KexecFailure | undefined,
  ): void {
    const downtime = evidence?.downtime
    this.#recording.add({
      type: 'cycle-ended',
      ...{ cycle: this.cycle, verdict: failure ? 'failed' : 'passed', proven, gap, diagnosis },
      phases: { ...phases, ...downtimePhases(downtime) },
      downtime,
      kernel: after?.release ?? null,
      memAvailableKiB: after?.memAvailableKiB ?? null,
      failure: failure && toFailure(failure),
    })
  }

  /** Records that the cycle that runs was broken off by what is no failure of a kexec. */
  protected recordBroken(error: unknown, verdict: Verdict = verdictOf(error)): void {
    this.#recording.add({
      type: 'cycle-ended',
      ...{ cycle: this.cycle, verdict, proven: false, kernel: null, phases: {}, memAvailableKiB: null },
      failure: toFailure(error),
    })
  }
}

/** What statistics are made of. */
function downtimePhases(downtime: Downtime | undefined): Pick<Phases, 'pingDowntimeMs' | 'tcpDowntimeMs'> {
  return {
    pingDowntimeMs: downtime?.icmp?.ms ?? undefined,
    tcpDowntimeMs: downtime?.tcp?.ms ?? undefined,
  }
}
