/** One run: prepares the boards, runs the suites on all of them at once, and writes the reports. */
import { cpus } from 'node:os'
import { basename, join } from 'node:path'
import { systemClock } from '../clock.ts'
import { Deadline } from '../deadline.ts'
import { LabError } from '../errors.ts'
import type { Failure, JournalEvent, NewEvent, Plan } from '../journal/events.ts'
import { JournalWriter, readJournal } from '../journal/journal.ts'
import type { RunSummary } from '../journal/summary-schema.ts'
import { followJournal } from './follow.ts'
import type { Hold } from './lab/hold.ts'
import type { Rack } from './lab/rack.ts'
import { liveView } from './live.ts'
import { type Prepared, prepareBoards } from './prepare.ts'
import { print } from './print.ts'
import { printProgress } from './progress.ts'
import { createRunFolder } from './run-folder.ts'
import type { RunOptions } from './run-options.ts'
import { runSuites } from './runner.ts'

export type RunEnd = { summary: RunSummary; status: number; folder: string }

/** Runs and reports. Throws UsageError or LabError when it could not even begin. */
export async function run(options: RunOptions, signal: AbortSignal): Promise<RunEnd> {
  using bound = new RunBound(signal, options.timeoutMs)
  const { boards, hold } = await prepareWithin(bound, options)
  await using _hold = hold
  const folder = createRunFolder(
    options.results,
    boards.map(({ name }) => name),
  )
  const journal = join(folder, 'journal.jsonl')
  using record = new RunRecord(journal)
  record.begin(runStarted(folder, options, boards))
  await execute({ folder, journal, options, boards, hold, record, signal: bound.signal })
  if (!bound.signal.aborted && !options.quiet) await consultBaselines(record, journal, options.results)
  record.add(await runEnded(record, journal, signal.aborted, record.failure ?? bound.failure()))
  const end = await finish(folder, options, record.unwritten)
  const { keepInHistory } = await import('./history.ts')
  await keepInHistory(options.results, end.summary)
  return end
}

/** Only after the boards: what compares must not delay their start. */
async function consultBaselines(record: RunRecord, journal: string, results: string): Promise<void> {
  const { baselineEvents } = await import('./gate.ts')
  const { visibleLine } = await import('../report/escape.ts')
  const events = await Array.fromAsync(withUnwritten(readJournal(journal), record.unwritten))
  for (const event of await baselineEvents(events, results)) {
    record.add(event)
    if (event.type === 'note') console.error(`note: ${visibleLine(event.text, { maxLength: 1000 })}`)
  }
}

/** The journal as the command line writes it; what a full disk keeps out of it, the reports still get. */
class RunRecord implements Disposable {
  readonly unwritten: JournalEvent[] = []
  failure: LabError | undefined
  readonly #writer: JournalWriter

  constructor(journal: string) {
    this.#writer = new JournalWriter(journal)
  }

  /** Throws LabError: a run that can't begin its journal is not begun. */
  begin(event: NewEvent): void {
    this.#writer.add(event)
  }

  /** Returns whether the journal took the event. */
  add(event: NewEvent): boolean {
    const stamped = { ...event, t: event.t ?? Number(systemClock.nowNs()) } as JournalEvent
    try {
      this.#writer.add(stamped)
      return true
    } catch (error) {
      this.failure ??= error as LabError
      this.unwritten.push(stamped)
      return false
    }
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]()
  }
}

/** What stops a run: a person, or its --timeout. */
class RunBound implements Disposable {
  readonly signal: AbortSignal
  readonly #deadline: Deadline | undefined
  readonly #timeoutMs: number

  constructor(person: AbortSignal, timeoutMs: number | null) {
    this.#timeoutMs = timeoutMs ?? Number.POSITIVE_INFINITY
    this.#deadline = timeoutMs === null ? undefined : new Deadline(timeoutMs, person)
    this.signal = this.#deadline?.signal ?? person
  }

  /** Why the run was stopped; undefined while it was not, or where a person did. */
  failure(): LabError | undefined {
    if (!this.#deadline?.expired) return undefined
    return new LabError(`the run did not end within its --timeout of ${this.#timeoutMs / 1000} s`)
  }

  [Symbol.dispose](): void {
    this.#deadline?.[Symbol.dispose]()
  }
}

async function prepareWithin(bound: RunBound, options: RunOptions): Promise<Prepared> {
  try {
    const prepared = await prepareBoards(options, printProgress, bound.signal)
    if (bound.signal.aborted) await prepared.hold?.[Symbol.asyncDispose]()
    bound.signal.throwIfAborted()
    return prepared
  } catch (error) {
    throw bound.failure() ?? error
  }
}

/**
 * Writes the reports from the journal and prints what a person needs of them.
 * `unwritten` are events that the journal could not take. Throws LabError when a report could not be written.
 */
export async function finish(
  folder: string,
  { json = false, quiet = false }: { json?: boolean; quiet?: boolean } = {},
  unwritten: JournalEvent[] = [],
): Promise<RunEnd> {
  // Only now: what makes reports must not delay the start of the boards.
  const { writeReports } = await import('../report/write.ts')
  const { terminalOptions, terminalReport } = await import('../report/table.ts')
  let skipped = 0
  const written = await writeReports(
    folder,
    withUnwritten(
      readJournal(join(folder, 'journal.jsonl'), () => skipped++),
      unwritten,
    ),
  )
  if (skipped > 0)
    console.error(`note: lines of the journal that could not be read and were passed over: ${skipped}`)
  const { summary } = written
  const report = { ...terminalOptions(process.stdout, process.env), report: written.files.html }
  if (!quiet) await print(json ? JSON.stringify(summary) : terminalReport(summary, report))
  if (written.errors.length > 0) throw written.errors[0]
  return { summary, status: summary.exitStatus, folder }
}

async function* withUnwritten(
  events: AsyncIterable<JournalEvent>,
  unwritten: JournalEvent[],
): AsyncGenerator<JournalEvent> {
  yield* events
  yield* unwritten
}

type Execution = {
  folder: string
  journal: string
  options: RunOptions
  boards: Plan['boards']
  hold: Hold | undefined
  record: RunRecord
  signal: AbortSignal
}

/** Runs all boards at once. A journal that can't be written any more ends every board. */
async function execute({ folder, journal, options, boards, hold, record, signal }: Execution): Promise<void> {
  const stop = new AbortController()
  await using onRack = hold && (await openRack(hold, { folder, record, stop }))
  const runBoard = async ({ name }: Plan['boards'][number], boardSignal: AbortSignal) => {
    const end = await runSuites(folder, name, options.suites, boardSignal)
    if (!record.add({ type: 'runner-ended', ...end })) stop.abort()
    return end
  }
  const all = Promise.all(
    boards.map((board) => {
      const boardSignal = AbortSignal.any([signal, stop.signal])
      return onRack?.has(board.name)
        ? onRack.run(board.name, boardSignal, (rackSignal) => runBoard(board, rackSignal))
        : runBoard(board, boardSignal)
    }),
  )
  using view = await liveView()
  await followJournal(journal, (event) => view.event(event), all)
  await all
}

type RackRun = { folder: string; record: RunRecord; stop: AbortController }

/** Opens the consoles of the boards that the run holds; those of the others are told to be unavailable. */
async function openRack(hold: Hold, { folder, record, stop }: RackRun): Promise<Rack> {
  const { Rack } = await import('./lab/rack.ts')
  return await Rack.open(hold, folder, {
    add: (event) => void record.add(event),
    stop: () => stop.abort(),
  })
}

/** The run's own verdict is the summary's, so that there is one rule for it. */
async function runEnded(
  { unwritten }: RunRecord,
  journal: string,
  interrupted: boolean,
  stopped: LabError | undefined,
): Promise<NewEvent> {
  const events: JournalEvent[] = []
  for await (const event of withUnwritten(readJournal(journal), unwritten)) events.push(event)
  const failure: Failure | undefined = stopped && {
    kind: stopped.kind,
    message: stopped.message,
    hint: stopped.hint,
  }
  const end = {
    type: 'run-ended',
    t: Number(systemClock.nowNs()),
    verdict: interrupted ? 'interrupted' : 'passed',
    exitStatus: 0,
    failure,
  } as const
  const { buildSummary } = await import('../journal/summary.ts')
  const { verdict, exitStatus } = buildSummary([...events, end])
  return { ...end, verdict, exitStatus }
}

function runStarted(folder: string, options: RunOptions, boards: Plan['boards']): NewEvent {
  return {
    type: 'run-started',
    schemaVersion: 1,
    run: basename(folder),
    startedAt: new Date().toISOString(),
    command: process.argv.slice(2).join(' '),
    host: { node: process.version, cpus: cpus().length, harness: '0.1.0' },
    plan: {
      results: folder,
      suites: options.suites,
      iterations: options.iterations,
      precision: options.precision,
      warmups: options.warmups,
      timeoutMs: options.timeoutMs,
      signatures: options.signatures,
      bisectDrivers: options.bisectDrivers,
      cold: options.cold,
      boards,
    },
  }
}
