/** A builder of journals for tests: events as a run would write them, a millisecond apart unless told. */
import type { CycleEnded, CycleStarted, JournalEvent, Phases } from './events.ts'

type Body<T extends JournalEvent['type']> = Omit<Extract<JournalEvent, { type: T }>, 't' | 'type'>

export type CycleOptions = Partial<Omit<CycleStarted, 'type' | 't' | 'board' | 'suite' | 'test'>> &
  Partial<
    Pick<CycleEnded, 'verdict' | 'proven' | 'failure' | 'diagnosis' | 'memAvailableKiB' | 'gap' | 'downtime'>
  > & {
    /** Null for a cycle whose kernel never told its name. */
    kernel?: string | null
    phases?: Phases
    /** False for a cycle that the journal has no end of. */
    ends?: boolean
    /** Console lines at the gap's two ends. */
    lines?: [last: string, first: string]
  }

/** Starts at 2026-11-21T02:14:09Z. */
export class JournalBuilder {
  readonly events: JournalEvent[] = []
  #t = 5_000_000_000
  #cycles = new Map<string, number>()

  add<T extends JournalEvent['type']>(type: T, body: Body<T>, afterMs = 1): this {
    this.#t += afterMs * 1e6
    this.events.push({ type, t: this.#t, ...body } as unknown as JournalEvent)
    return this
  }

  start(boards: string[], arch = 'arm64'): this {
    return this.add('run-started', {
      schemaVersion: 1,
      run: '2026-11-21T02-14-09Z-test',
      startedAt: '2026-11-21T02:14:09.000Z',
      command: `npm test -- ${boards.map((board) => `--board ${board}`).join(' ')}`,
      host: { node: 'v24.21.0', cpus: 2, harness: '0.1.0' },
      plan: {
        results: 'results/test',
        suites: ['timing'],
        iterations: null,
        precision: null,
        warmups: 0,
        timeoutMs: null,
        signatures: [],
        bisectDrivers: false,
        cold: true,
        boards: boards.map((name) => ({ name, arch, descriptor: {}, image: {}, machine: {}, fault: null })),
      },
    })
  }

  open(board: string, arch = 'arm64', kernel = '6.1.0-37-cloud-arm64'): this {
    return this.add('board-opened', {
      board,
      arch,
      accelerator: 'tcg',
      note: 'QEMU 7.2.17; KVM did not answer a probe',
    })
      .add('boot-started', { board, attempt: 1 })
      .add('boot-ended', { board, verdict: 'passed', kernel, durationMs: 2600 }, 2600)
  }

  plan(board: string, suite: string, tests: string[]): this {
    return this.add('suite-planned', { board, suite, tests })
  }

  /** A test with what happens in it; without `end` the journal stops inside it. */
  test(
    board: string,
    suite: string,
    test: string,
    inside: (test: [string, string, string]) => void = () => {},
    end: Partial<Body<'test-ended'>> | null = {},
  ): this {
    this.add('test-started', { board, suite, test })
    inside([board, suite, test])
    return end ? this.add('test-ended', { board, suite, test, verdict: 'passed', ...end }) : this
  }

  cycle([board, suite, test]: [string, string, string], options: CycleOptions = {}): this {
    const cycle = options.cycle ?? (this.#cycles.get(board) ?? 0) + 1
    this.#cycles.set(board, cycle)
    const phases = options.phases ?? {
      loadMs: 800,
      shutdownMs: 60,
      gapMs: 124,
      startupMs: 900,
      userspaceMs: 300,
      totalMs: 1384,
    }
    this.add('cycle-started', {
      board,
      suite,
      test,
      cycle,
      generation: options.generation ?? cycle,
      iteration: options.iteration ?? cycle,
      iterations: options.iterations ?? 5,
      loader: options.loader ?? 'kexec-tools',
      syscall: options.syscall ?? 'kexec_load',
      checks: options.checks ?? true,
      noIfdown: options.noIfdown ?? false,
      warmup: options.warmup ?? false,
      choice: options.choice,
      inVain: options.inVain,
    })
    this.#marks(
      board,
      cycle,
      phases,
      options.lines ?? ['Bye!', '[    0.000000] Booting Linux on physical CPU'],
    )
    if (options.ends === false) return this
    const { verdict = 'passed', memAvailableKiB = 1_900_000, failure, diagnosis, gap, downtime } = options
    const kernel = options.kernel === undefined ? '6.1.0-37-cloud-arm64' : options.kernel
    const proven = options.proven ?? verdict === 'passed'
    return this.add('cycle-ended', {
      board,
      cycle,
      verdict,
      proven,
      kernel,
      phases,
      gap,
      downtime,
      memAvailableKiB,
      failure,
      diagnosis,
    })
  }

  #marks(board: string, cycle: number, phases: Phases, [last, first]: [string, string]): void {
    const { loadMs, shutdownMs, gapMs, startupMs, userspaceMs } = phases
    this.add('mark', { board, cycle, name: 'load' })
    if (loadMs === undefined) return
    this.add('mark', { board, cycle, name: 'loaded' }, loadMs).add('mark', { board, cycle, name: 'exec' })
    if (shutdownMs === undefined) return
    this.add('mark', { board, cycle, name: 'last-old-line', line: last }, shutdownMs)
    if (gapMs === undefined) return
    this.add('mark', { board, cycle, name: 'first-new-line', line: first }, gapMs)
    if (startupMs === undefined) return
    this.add('mark', { board, cycle, name: 'init' }, startupMs)
    if (userspaceMs !== undefined) this.add('mark', { board, cycle, name: 'ready' }, userspaceMs)
  }

  runner(board: string, exitCode: number | null = 0, stderr = ''): this {
    return this.add('runner-ended', { board, exitCode, stderr })
  }

  end(
    verdict: Body<'run-ended'>['verdict'] = 'passed',
    more: Partial<Body<'run-ended'>> = {},
  ): JournalEvent[] {
    return this.add('run-ended', { verdict, exitStatus: 0, ...more }).events
  }
}
