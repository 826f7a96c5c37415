/** What a suite file works with: tests on one board, each recorded in the run's journal. */
import test, { type ExecutionContext } from 'ava'
import { isReal } from '../../harness/board/kinds.ts'
import { methodOf } from '../../harness/board/loader-types.ts'
import { loadCatalogue } from '../../harness/detect/catalogue.ts'
import { BoardError, LabError, UsageError } from '../../harness/errors.ts'
import { loadMarkers } from '../../harness/kexec/markers.ts'
import type { Observing } from '../../harness/kexec/observe/observer.ts'
import { KexecSession } from '../../harness/kexec/session.ts'
import { kexecTools } from '../../harness/loader/kexec-tools.ts'
import type { LoadMethod } from '../../harness/loader/loader.ts'
import { BoardUnderTest } from './board-under-test.ts'
import { openBoard } from './open-board.ts'
import { type BoardPlan, readPlan } from './plan.ts'
import { Recording, toFailure, verdictOf } from './recording.ts'
import { Skip } from './skip.ts'

export type SuiteOptions = {
  /** Watches each cycle beyond its console. A fault in the plan, or a search for a driver, does so in any suite. */
  observes?: boolean
  /** A device's shutdown that takes longer is a finding, milliseconds. */
  slowShutdownMs?: number
}

const defaultSlowShutdownMs = 2_000

type Body = (t: ExecutionContext, board: BoardUnderTest) => Promise<void>

/** After so many tests in a row that the board itself failed, the rest of the suite is not tried. */
const boardErrorsToGiveUp = 2

export class Suite {
  readonly name: string
  readonly #plan: BoardPlan
  readonly #options: SuiteOptions
  readonly #recording: Recording
  readonly #stop: AbortController
  readonly #titles: string[] = []
  #board: Promise<BoardUnderTest> | undefined
  /** A descriptor that is wrong stays wrong: it is told once, not once a test. */
  #givenUp: Error | undefined
  #boardErrors = 0

  constructor(name: string, plan: BoardPlan, options: SuiteOptions = {}) {
    this.name = name
    this.#options = options
    this.#plan = plan
    this.#stop = new AbortController()
    this.#recording = new Recording(plan.journal, plan.descriptor.name, this.#stop)
    // Without its parent nobody reads the result, and a board left running would block the next run.
    process.once('disconnect', () => process.exit(1))
    if (!process.connected) process.exit(1)
    test.before(() => this.#recording.add({ type: 'suite-planned', suite: name, tests: this.#titles }))
    test.after.always(() => this.#close())
  }

  /** How often to repeat: what the command line says, or else the suite's own number. */
  iterations(own: number): number {
    return this.#plan.plan.iterations ?? own
  }

  /** The way of loading that the board's descriptor asks for. */
  get method(): LoadMethod {
    return methodOf(this.#plan.descriptor.loader)
  }

  /** Declares a test. Tests of a suite run one after another on one board. */
  test(title: string, body: Body): void {
    this.#titles.push(title)
    test.serial(title, (t) => this.#run(t, title, body))
  }

  /** What the lab broke is tried again, as often as the descriptor says; every attempt is recorded. */
  async #run(t: ExecutionContext, title: string, body: Body): Promise<void> {
    for (let left = this.#plan.descriptor.retries; ; left--) {
      try {
        return await this.#attempt(t, title, body)
      } catch (error) {
        if (!(error instanceof LabError) || left === 0 || this.#givenUp || this.#stop.signal.aborted)
          throw error
        this.#recording.add({
          type: 'note',
          text: `${this.name}: ${title} is tried again, since the lab broke it`,
        })
      }
    }
  }

  async #attempt(t: ExecutionContext, title: string, body: Body): Promise<void> {
    const about = { suite: this.name, test: title }
    this.#recording.add({ type: 'test-started', ...about })
    try {
      if (this.#givenUp) throw new Skip(`not tried: ${this.#givenUp.message}`)
      const board = await this.#open()
      board.startTest(title)
      await body(t, board)
      this.#stop.signal.throwIfAborted()
      this.#boardErrors = 0
      this.#recording.add({ type: 'test-ended', ...about, verdict: 'passed' })
    } catch (error) {
      if (error instanceof Skip) {
        this.#recording.add({ type: 'test-ended', ...about, verdict: 'skipped', reason: error.message })
        t.log(`skipped: ${error.message}`)
        t.pass()
        return
      }
      this.#countAgainstBoard(error)
      this.#recording.add({
        type: 'test-ended',
        ...about,
        verdict: verdictOf(error),
        failure: toFailure(error),
      })
      throw error
    }
  }

  /** A mistake of the descriptor's stays one, and a board that failed twice in a row would only fail more slowly. */
  #countAgainstBoard(error: unknown): void {
    if (error instanceof BoardError || error instanceof LabError) this.#boardErrors++
    if (error instanceof UsageError || this.#boardErrors === boardErrorsToGiveUp)
      this.#givenUp = error as Error
  }

  #open(): Promise<BoardUnderTest> {
    this.#board ??= this.#openOnce()
    return this.#board
  }

  async #openOnce(): Promise<BoardUnderTest> {
    const { plan, descriptor } = this.#plan
    const board = await openBoard(this.#plan, {
      log: (text) => this.#recording.add({ type: 'note', text }),
      onFailure: (error) => this.#stop.abort(error),
      signal: this.#stop.signal,
    })
    this.#recording.add({
      type: 'board-opened',
      arch: descriptor.arch,
      accelerator: board.accelerator,
      note: board.note,
    })
    const listener = new BoardUnderTest({
      suite: this.name,
      descriptor,
      recording: this.#recording,
      journal: this.#plan.journal,
      bisectDrivers: plan.bisectDrivers,
    })
    await listener.attach(
      new KexecSession({
        board,
        loader: kexecTools,
        markers: await loadMarkers(descriptor.arch, descriptor.markers),
        loadSignatures: () => loadCatalogue(plan.signatures),
        listener,
        observing: await this.#observing(),
        signal: this.#stop.signal,
      }),
      board,
    )
    return listener
  }

  async #observing(): Promise<Observing | undefined> {
    const { plan, descriptor, image, fault } = this.#plan
    const { observes = false, slowShutdownMs = defaultSlowShutdownMs } = this.#options
    // Firmware of real boards hands its device tree on; that of x86 has none.
    const deviceTree = isReal(descriptor) && descriptor.arch !== 'x86_64'
    const observing = () => import('../../harness/kexec/observe/observing.ts')
    if (!observes && !fault && !plan.bisectDrivers)
      return deviceTree ? (await observing()).observeDeviceTree() : undefined
    const { createObserving } = await observing()
    const { auditOffsets } = await import('../../images/kernel-layout.ts')
    return createObserving({
      descriptor,
      slowShutdownMs,
      busy: observes,
      deviceTree,
      fault: fault ?? undefined,
      offsets: async () => (image ? await auditOffsets(image.kernel) : {}),
    })
  }

  async #close(): Promise<void> {
    const board = await this.#board?.catch(() => undefined)
    await board?.close()
    this.#recording[Symbol.dispose]()
  }
}

/** Opens a suite for the board that this process was started for. */
export async function openSuite(name: string, options?: SuiteOptions): Promise<Suite> {
  return new Suite(name, await readPlan(process.argv.slice(2)), options)
}
