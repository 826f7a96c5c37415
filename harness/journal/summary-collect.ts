/** Sorts a journal's events by what they are about; judges nothing. Tolerates any event missing, doubled or alone. */
import type { Observed } from '../kexec/observe/observed.ts'
import type { CycleEnded, CycleStarted, Failure, Finding, JournalEvent, MarkName, Verdict } from './events.ts'

type EventOf<T extends JournalEvent['type']> = Extract<JournalEvent, { type: T }>

/** One try of a test; `verdict` is null while its end is missing. All times are the journal's nanoseconds. */
export type AttemptRecord = {
  startT: number | null
  endT: number | null
  verdict: Verdict | null
  reason: string | null
  failure: Failure | null
}

export type TestRecord = {
  suite: string
  test: string
  attempts: AttemptRecord[]
  screens: EventOf<'screen'>[]
}

export type CycleRecord = {
  t: number
  cycle: number
  suite: string
  test: string
  started: CycleStarted | null
  ended: CycleEnded | null
  observed: Observed | null
  marks: { t: number; name: MarkName; line?: string | undefined }[]
}

export type BootRecord = {
  startT: number | null
  attempt: number
  ended: EventOf<'boot-ended'> | null
}

export type BoardRecord = {
  name: string
  arch: string | null
  accelerator: string | null
  note: string | null
  tests: Map<string, TestRecord>
  cycles: CycleRecord[]
  boots: BootRecord[]
  recoveries: EventOf<'recovery'>[]
  experiments: EventOf<'gap-experiment'>[]
  runners: EventOf<'runner-ended'>[]
  /** What the board's owner adds to every kernel's command line. */
  append: string
  baseline: EventOf<'baseline-consulted'> | null
  /** Why nothing, or nothing more, could be run on it. */
  unavailable: Failure | null
}

export type Collected = {
  started: EventOf<'run-started'> | null
  ended: EventOf<'run-ended'> | null
  firstT: number | null
  lastT: number | null
  boards: Map<string, BoardRecord>
  findings: Finding[]
  notes: EventOf<'note'>[]
}

/** Reads every event once, in order. */
export function collect(events: Iterable<JournalEvent>): Collected {
  const all: Collected = {
    started: null,
    ended: null,
    firstT: null,
    lastT: null,
    boards: new Map(),
    findings: [],
    notes: [],
  }
  for (const event of events) {
    all.firstT = Math.min(all.firstT ?? event.t, event.t)
    all.lastT = Math.max(all.lastT ?? event.t, event.t)
    add(all, event)
  }
  return all
}

function add(all: Collected, event: JournalEvent): void {
  switch (event.type) {
    case 'run-started':
      all.started ??= event
      for (const { name, arch, descriptor } of event.plan.boards) {
        const board = boardOf(all, name)
        board.arch ??= arch
        board.append = appendOf(descriptor)
      }
      return
    case 'run-ended':
      all.ended = event
      return
    case 'note':
      all.notes.push(event)
      return
    case 'finding':
      all.findings.push(findingOf(event))
      boardOf(all, event.board)
      return
    default:
      addToBoard(boardOf(all, event.board), event)
  }
}

type BoardEvent = Exclude<JournalEvent, EventOf<'run-started' | 'run-ended' | 'note' | 'finding'>>

function addToBoard(board: BoardRecord, event: BoardEvent): void {
  switch (event.type) {
    case 'board-opened':
      Object.assign(board, { arch: event.arch, accelerator: event.accelerator, note: event.note })
      return
    case 'board-unavailable':
      board.unavailable ??= event.failure
      return
    case 'suite-planned':
      for (const test of event.tests) testOf(board, event.suite, test)
      return
    case 'test-started':
      testOf(board, event.suite, event.test).attempts.push({ ...openAttempt, startT: event.t })
      return
    case 'test-ended':
      endTest(testOf(board, event.suite, event.test), event)
      return
    case 'boot-started':
      board.boots.push({ startT: event.t, attempt: event.attempt, ended: null })
      return
    case 'boot-ended':
      endBoot(board, event)
      return
    case 'cycle-started':
      startCycle(board, event)
      return
    case 'mark':
      cycleOf(board, event).marks.push({ t: event.t, name: event.name, line: event.line })
      return
    case 'cycle-ended':
      endCycle(board, event)
      return
    case 'cycle-observed':
      cycleOf(board, event).observed = event.observed
      return
    case 'screen':
      testOf(board, event.suite, event.test).screens.push(event)
      return
    case 'recovery':
      board.recoveries.push(event)
      return
    case 'gap-experiment':
      board.experiments.push(event)
      return
    case 'baseline-consulted':
      board.baseline = event
      return
    case 'runner-ended':
      board.runners.push(event)
  }
}

function boardOf(all: Collected, name: string): BoardRecord {
  const known = all.boards.get(name)
  if (known) return known
  const board: BoardRecord = {
    name,
    arch: null,
    accelerator: null,
    note: null,
    tests: new Map(),
    cycles: [],
    boots: [],
    recoveries: [],
    experiments: [],
    runners: [],
    append: '',
    baseline: null,
    unavailable: null,
  }
  all.boards.set(name, board)
  return board
}

function appendOf(descriptor: unknown): string {
  const { append } = (descriptor ?? {}) as { append?: unknown }
  return typeof append === 'string' ? append : ''
}

const openAttempt: AttemptRecord = { startT: null, endT: null, verdict: null, reason: null, failure: null }

function testOf(board: BoardRecord, suite: string, test: string): TestRecord {
  const key = JSON.stringify([suite, test])
  const known = board.tests.get(key)
  if (known) return known
  const record: TestRecord = { suite, test, attempts: [], screens: [] }
  board.tests.set(key, record)
  return record
}

function endTest(test: TestRecord, event: EventOf<'test-ended'>): void {
  const last = test.attempts.at(-1)
  const end = {
    endT: event.t,
    verdict: event.verdict,
    reason: event.reason ?? null,
    failure: event.failure ?? null,
  }
  if (last && last.verdict === null) Object.assign(last, end)
  // Both the test's process and the one above it may tell of the same end.
  else if (last?.verdict === event.verdict && last.failure?.message === event.failure?.message) return
  else test.attempts.push({ ...openAttempt, ...end })
}

function endBoot(board: BoardRecord, event: EventOf<'boot-ended'>): void {
  const last = board.boots.at(-1)
  if (last && last.ended === null) last.ended = event
  else board.boots.push({ startT: null, attempt: (last?.attempt ?? 0) + 1, ended: event })
}

function startCycle(board: BoardRecord, event: CycleStarted): void {
  const last = board.cycles.findLast((cycle) => cycle.cycle === event.cycle)
  if (last?.started?.t === event.t) return
  const { t, cycle, suite, test } = event
  board.cycles.push({ t, cycle, suite, test, started: event, ended: null, observed: null, marks: [] })
}

function endCycle(board: BoardRecord, event: CycleEnded): void {
  const cycle = cycleOf(board, event)
  cycle.ended ??= event
}

/** The newest cycle of that number; one whose start was lost belongs to the test that runs at the moment. */
function cycleOf(board: BoardRecord, event: { t: number; cycle: number }): CycleRecord {
  const known = board.cycles.findLast((cycle) => cycle.cycle === event.cycle)
  if (known) return known
  const running = [...board.tests.values()].findLast(({ attempts }) => attempts.at(-1)?.verdict === null)
  const record: CycleRecord = {
    t: event.t,
    cycle: event.cycle,
    suite: running?.suite ?? 'unknown',
    test: running?.test ?? 'unknown',
    started: null,
    ended: null,
    observed: null,
    marks: [],
  }
  board.cycles.push(record)
  return record
}

function findingOf({ type: _type, t: _t, ...finding }: EventOf<'finding'>): Finding {
  return finding
}
