/** What a suite file works with: tests on one board, each recorded in the run's journal. */
import test, { type ExecutionContext } from 'ava'
import type { Board } from '../../harness/board/board.ts'
import { isReal } from '../../harness/board/kinds.ts'
import { methodOf, quickestOf } from '../../harness/board/loader-types.ts'
import { loadCatalogue } from '../../harness/detect/catalogue.ts'
import { BoardError, LabError, UsageError } from '../../harness/errors.ts'
import { loadMarkers } from '../../harness/kexec/markers.ts'
import type { Observing } from '../../harness/kexec/observe/observer.ts'
import { KexecSession } from '../../harness/kexec/session.ts'
import type { LoadMethod, ShellLoader } from '../../harness/loader/loader.ts'
import { openLoader } from '../../harness/loader/loaders.ts'
import type { TargetConfig } from '../../images/target-configs.ts'
import { BoardUnderTest } from './board-under-test.ts'
import type { BootloaderUnderTest } from './bootloader-under-test.ts'
import { openBoard } from './open-board.ts'
import { type BoardPlan, readPlan } from './plan.ts'
import { Recording, toFailure, verdictOf } from './recording.ts'
import { repeat, type Turn } from './repeat.ts'
import { Skip, skipOf } from './skip.ts'

export type SuiteOptions = {
  /** Watches each cycle beyond its console. A fault in the plan, or a search for a driver, does so in any suite. */
  observes?: boolean
  /** Takes each gap apart, and watches nothing else. */
  attributes?: boolean
  /** Asks the board over its network through each cycle, and watches nothing else. */
  asksNetwork?: boolean
  /** A device's shutdown that takes longer is a finding, milliseconds. */
  slowShutdownMs?: number
  /** Its power-ons may go on from where an earlier cold boot had got to: neither that boot nor a gap is what it is about. */
  warm?: boolean
  /** What the suite is about, whichever loader the board has. */
  loader?: ShellLoader
}

const defaultSlowShutdownMs = 2_000

type Body<T> = (t: ExecutionContext, board: T) => Promise<void>
/** The board, by how its loader is driven. */
type Opened = { shell: BoardUnderTest; menu?: undefined } | { menu: BootloaderUnderTest; shell?: undefined }

/** After so many tests in a row that the board itself failed, the rest of the suite is not tried. */
const boardErrorsToGiveUp = 2

export class Suite {
  readonly name: string
  readonly #plan: BoardPlan
  readonly #options: SuiteOptions
  readonly #recording: Recording
  readonly #stop: AbortController
  readonly #titles: string[] = []
  #board: Promise<Opened> | undefined
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

  /**
   * Runs the warm-ups that were asked for, then as many cycles as `iterations` says, or as the precision that was asked for
   * needs; see `repeat`. A cycle returns its gap in milliseconds.
   */
  async repeat(own: number, cycle: (turn: Turn) => Promise<number | undefined>): Promise<void> {
    await repeat(this.#plan.plan, own, cycle)
  }

  /** The way of loading that the board's descriptor asks for. */
  get method(): LoadMethod {
    return methodOf(this.#plan.descriptor.loader)
  }

  /** The same without purgatory's digest, where that can be left out. */
  get quickestMethod(): LoadMethod {
    return quickestOf(this.#plan.descriptor.loader)
  }

  /** What the bootloader reads besides the configuration that its disk has: empty where it has no menu. */
  async otherConfigs(): Promise<readonly TargetConfig[]> {
    const loader = await openLoader(this.#plan.descriptor.loader)
    return loader.ui === 'menu' ? (loader.otherConfigs ?? []) : []
  }

  /** Declares a test of a loader that is run in a shell. Tests of a suite run one after another on one board. */
  test(title: string, body: Body<BoardUnderTest>): void {
    this.#declare(title, async (t, { shell }) => {
      if (!shell) throw new Skip(`${this.#loader} boots from its menu: its suites are loader and chain`)
      shell.startTest(title)
      await body(t, shell)
    })
  }

  /** Declares a test of a bootloader that has a menu. */
  menuTest(title: string, body: Body<BootloaderUnderTest>): void {
    this.#declare(title, async (t, { menu }) => {
      if (!menu)
        throw new Skip(`${this.#loader} has no menu: its suites are smoke, timing, stress and others`)
      menu.startTest(title)
      await body(t, menu)
    })
  }

  /** Declares a test that has to choose an entry, or to press another key: where nobody can, it is skipped with the reason. */
  choiceTest(title: string, body: Body<BootloaderUnderTest>): void {
    this.menuTest(title, async (t, menu) => {
      const why = menu.loader.cannotChoose?.(menu.session.ui())
      if (why !== undefined) throw new Skip(why)
      await body(t, menu)
    })
  }

  /** Skips the test that runs, with the reason that the report shows. */
  skip(reason: string): never {
    throw new Skip(reason)
  }

  /** Something that a person should read, and that is no result. */
  note(text: string): void {
    this.#recording.add({ type: 'note', text })
  }

  get #loader(): string {
    return this.#plan.descriptor.loader.type
  }

  #declare(title: string, body: Body<Opened>): void {
    this.#titles.push(title)
    test.serial(title, (t) => this.#run(t, title, body))
  }

  /** What the lab broke is tried again, as often as the descriptor says; every attempt is recorded. */
  async #run(t: ExecutionContext, title: string, body: Body<Opened>): Promise<void> {
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

  async #attempt(t: ExecutionContext, title: string, body: Body<Opened>): Promise<void> {
    const about = { suite: this.name, test: title }
    this.#recording.add({ type: 'test-started', ...about })
    try {
      if (this.#givenUp) throw new Skip(`not tried: ${this.#givenUp.message}`)
      await body(t, await this.#open())
      this.#stop.signal.throwIfAborted()
      this.#boardErrors = 0
      this.#recording.add({ type: 'test-ended', ...about, verdict: 'passed' })
    } catch (error) {
      const skip = skipOf(error)
      if (skip) {
        this.#recording.add({ type: 'test-ended', ...about, verdict: 'skipped', reason: skip.message })
        t.log(`skipped: ${skip.message}`)
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

  #open(): Promise<Opened> {
    this.#board ??= this.#openOnce()
    return this.#board
  }

  async #openOnce(): Promise<Opened> {
    const { plan, descriptor, journal } = this.#plan
    const loader = this.#options.loader ?? (await openLoader(descriptor.loader))
    const watch = {
      log: (text: string) => this.#recording.add({ type: 'note', text }),
      onFailure: (error: LabError) => this.#stop.abort(error),
      signal: this.#stop.signal,
    }
    const parts = { suite: this.name, descriptor, recording: this.#recording, journal }
    const common = {
      markers: await loadMarkers(descriptor.arch, descriptor.markers),
      loadSignatures: () => loadCatalogue(plan.signatures),
      signal: this.#stop.signal,
    }
    if (loader.ui === 'menu') {
      // Only now: few runs have a bootloader.
      const { openMenu } = await import('./open-menu.ts')
      const menu = await openMenu({ plan: this.#plan, loader, watch, parts, common })
      this.#tellOpened(menu.board)
      return { menu }
    }
    const board = await openBoard(this.#plan, watch)
    this.#tellOpened(board)
    const shell = new BoardUnderTest({ ...parts, loader: loader.name, bisectDrivers: plan.bisectDrivers })
    const observing = await this.#observing()
    // A fault is looked for in every device, and its disk makes a machine of its own.
    const warm = this.#options.warm === true && !plan.cold && !this.#plan.fault
    await shell.attach(
      new KexecSession({ ...common, board, loader, listener: shell, observing, warm }),
      board,
    )
    return { shell }
  }

  #tellOpened({ accelerator, note }: Board): void {
    this.#recording.add({
      ...{ type: 'board-opened', arch: this.#plan.descriptor.arch },
      ...{ accelerator, note },
    })
  }

  async #observing(): Promise<Observing | undefined> {
    const { plan, descriptor, image, fault } = this.#plan
    const { observes = false, slowShutdownMs = defaultSlowShutdownMs } = this.#options
    const { attributes = false, asksNetwork = false } = this.#options
    // Firmware of real boards hands its device tree on; that of x86 has none.
    const deviceTree = isReal(descriptor) && descriptor.arch !== 'x86_64'
    const observing = () => import('../../harness/kexec/observe/observing.ts')
    if (attributes) return (await observing()).observeGap()
    if (asksNetwork) return (await observing()).observeDowntime(descriptor)
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
    await (board?.shell ?? board?.menu)?.close()
    this.#recording[Symbol.dispose]()
  }
}

/** Opens a suite for the board that this process was started for. */
export async function openSuite(name: string, options?: SuiteOptions): Promise<Suite> {
  return new Suite(name, await readPlan(process.argv.slice(2)), options)
}
