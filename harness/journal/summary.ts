/** A run's journal, summed up: a pure function of its events, and the only source of every report. */
import { estimateGap } from '../kexec/experiment/model.ts'
import type { CycleEnded, Failure, Finding, JournalEvent, MarkName, Phases, Verdict } from './events.ts'
import { againstBaseline, type BaselineResult } from './summary-baseline.ts'
import {
  type AttemptRecord,
  type BoardRecord,
  type BootRecord,
  type Collected,
  type CycleRecord,
  collect,
  type TestRecord,
} from './summary-collect.ts'
import type {
  AttemptSummary,
  BoardSummary,
  BootSummary,
  CycleSummary,
  RunSummary,
  TestSummary,
} from './summary-schema.ts'
import { screensOf } from './summary-screens.ts'
import { checksRatioOf, statisticsOf, stressOf } from './summary-statistics.ts'
import { boardFailure, classify, judged, runVerdict, unfinished, worst } from './summary-verdict.ts'

/** What a journal that lost its first line does not say itself. */
export type SummaryDefaults = { run?: string }

/**
 * Sums up a run. The events may stop anywhere: what has no end gets the verdict `interrupted` where the run was
 * stopped, else `error`; what was planned and never ran is there too.
 */
export function buildSummary(events: Iterable<JournalEvent>, defaults: SummaryDefaults = {}): RunSummary {
  const all = collect(events)
  const judged = [...all.boards.values()].map((board) => boardSummary(all, board))
  const boards = judged.map(({ board }) => board)
  const verdict = runVerdict(
    all,
    boards.map((board) => board.verdict),
    boards.flatMap(errorKinds),
  )
  return {
    schemaVersion: 1,
    run: all.started?.run ?? defaults.run ?? 'unknown',
    startedAt: wallClock(all, all.started?.t ?? null),
    endedAt: wallClock(all, all.lastT),
    durationMs: all.lastT === null ? null : durationMs(all.started?.t ?? all.firstT, all.lastT),
    command: all.started?.command ?? '',
    ...verdict,
    complete: all.ended !== null,
    failure: all.ended?.failure ?? null,
    host: all.started?.host ?? null,
    totals: totalsOf(boards),
    boards,
    findings: [...all.findings, ...judged.flatMap(({ findings }) => findings)],
    notes: all.notes.map(({ t, board, text }) => ({ at: wallClock(all, t), board, text })),
  }
}

type JudgedBoard = { board: BoardSummary; findings: Finding[] }

function boardSummary(all: Collected, board: BoardRecord): JudgedBoard {
  const cycles = board.cycles.map((cycle) => cycleSummary(all, board, cycle))
  const { comparisons, findings, results } = againstBaseline(board, cycles, all.started)
  const tests = [
    ...[...board.tests.values()].map((test) => testSummary(all, board, test, cycles)),
    ...results.map((result) => comparisonTest(all, board, result)),
  ]
  const verdicts =
    tests.length > 0 ? tests.map(({ verdict }) => verdict) : cycles.map(({ verdict }) => verdict)
  const failure = boardFailure(all, board, verdicts)
  if (failure) verdicts.push(classify(failure))
  else if (verdicts.length === 0) verdicts.push('interrupted')
  const summary = {
    name: board.name,
    arch: board.arch,
    accelerator: board.accelerator,
    append: board.append,
    note: board.note,
    verdict: worst(verdicts),
    failure,
    tests,
    cycles,
    statistics: statisticsOf(cycles, all.started?.plan.precision ?? null),
    comparisons,
    checksRatio: checksRatioOf(cycles),
    stress: stressOf(cycles),
    experiments: board.experiments.flatMap(({ suite, test, experiment }) => {
      const result = estimateGap(experiment)
      return result ? [{ suite, test, ...result }] : []
    }),
    boots: board.boots.map((boot) => bootSummary(all, board, boot)),
    recoveries: board.recoveries.map(({ t, step, outcome, ok }) => ({
      at: wallClock(all, t),
      step,
      outcome,
      ok,
    })),
    runners: board.runners.map(({ exitCode, stderr }) => ({ exitCode, stderr })),
  }
  return { board: summary, findings }
}

/** The comparison with the baseline as a test of its suite, so that whatever reads results sees it. */
function comparisonTest(all: Collected, board: BoardRecord, result: BaselineResult): TestSummary {
  const { suite, test, ...rest } = result
  const attempt = { ...rest, startedAt: wallClock(all, board.baseline?.t ?? null), durationMs: 0 }
  return { suite, test, ...attempt, attempts: [attempt], screens: [] }
}

function testSummary(
  all: Collected,
  board: BoardRecord,
  record: TestRecord,
  cycles: readonly CycleSummary[],
): TestSummary {
  const { suite, test, attempts: records } = record
  const failed = cycles.findLast(
    (cycle) => cycle.suite === suite && cycle.test === test && cycle.verdict === 'failed',
  )
  const attempts = records.map((record) => attemptSummary(all, board, record, `${suite}: ${test}`, failed))
  const neverRan: AttemptSummary = {
    ...unfinished(all, board, `${suite}: ${test} did not run`),
    startedAt: null,
    durationMs: null,
  }
  const screens = screensOf(board, record, (t) => wallClock(all, t))
  return { suite, test, ...(attempts.at(-1) ?? neverRan), attempts, screens }
}

function attemptSummary(
  all: Collected,
  board: BoardRecord,
  record: AttemptRecord,
  title: string,
  failedCycle: CycleSummary | undefined,
): AttemptSummary {
  const { verdict, reason, failure, startT, endT } = record
  const times = {
    startedAt: wallClock(all, startT ?? endT),
    durationMs: verdict === null ? durationMs(startT, all.lastT) : durationMs(startT, endT),
  }
  if (verdict !== null) return { ...times, verdict: judged(verdict, failure), reason, failure }
  const end = unfinished(all, board, `${title} did not end`)
  // A cycle that failed before the kill is a result that the kill must not hide.
  if (failedCycle) return { ...times, verdict: 'failed', reason: end.reason, failure: failedCycle.failure }
  return { ...times, ...end }
}

function cycleSummary(all: Collected, board: BoardRecord, record: CycleRecord): CycleSummary {
  const { started, ended, t, marks } = record
  const end = ended ?? unfinishedCycle(all, board, record)
  return {
    cycle: record.cycle,
    suite: record.suite,
    test: record.test,
    iteration: started?.iteration ?? null,
    iterations: started?.iterations ?? null,
    generation: started?.generation ?? null,
    loader: started?.loader ?? 'unknown',
    syscall: started?.syscall ?? null,
    checks: started?.checks ?? null,
    noIfdown: started?.noIfdown ?? null,
    choice: started?.choice ?? null,
    warmup: started?.warmup ?? false,
    condition: started?.condition ?? null,
    inVain: started?.inVain ?? false,
    kernel: end.kernel,
    verdict: judged(end.verdict, end.failure ?? null),
    proven: end.proven,
    startedAt: wallClock(all, t),
    durationMs: durationMs(started?.t ?? null, ended?.t ?? null),
    phases: end.phases,
    gap: end.gap ?? null,
    downtime: end.downtime ?? null,
    memAvailableKiB: end.memAvailableKiB,
    marks: marks.map((mark) => ({ name: mark.name, atMs: milliseconds(mark.t - t), line: mark.line })),
    failure: end.failure ?? null,
    diagnosis: end.diagnosis ?? null,
    observed: record.observed,
  }
}

/** A cycle that never ended, with the phases that its marks show it reached. */
function unfinishedCycle(
  all: Collected,
  board: BoardRecord,
  record: CycleRecord,
): Omit<CycleEnded, 'type' | 't' | 'board' | 'cycle' | 'verdict'> & { verdict: Verdict; failure?: Failure } {
  const { verdict, failure } = unfinished(all, board, `cycle ${record.cycle} did not end`)
  return {
    verdict,
    failure: failure ?? undefined,
    proven: false,
    kernel: null,
    phases: phasesOf(record.marks),
    memAvailableKiB: null,
  }
}

function phasesOf(marks: CycleRecord['marks']): Phases {
  const between = (from: MarkName, to: MarkName): number | undefined => {
    const start = marks.find(({ name }) => name === from)
    const end = marks.find(({ name }) => name === to)
    return start && end ? milliseconds(end.t - start.t) : undefined
  }
  return {
    loadMs: between('load', 'loaded'),
    shutdownMs: between('exec', 'last-old-line'),
    gapMs: between('last-old-line', 'first-new-line'),
    startupMs: between('first-new-line', 'init'),
    userspaceMs: between('init', 'ready'),
    totalMs: between('exec', 'ready'),
  }
}

function bootSummary(
  all: Collected,
  board: BoardRecord,
  { attempt, startT, ended }: BootRecord,
): BootSummary {
  const end = ended ?? {
    ...unfinished(all, board, `boot ${attempt} did not end`),
    kernel: null,
    durationMs: null,
    warm: undefined,
    note: undefined,
  }
  return {
    attempt,
    verdict: end.verdict,
    kernel: end.kernel,
    startedAt: wallClock(all, startT),
    durationMs: end.durationMs,
    warm: end.warm ?? false,
    note: end.note,
    failure: end.failure ?? null,
  }
}

/** What kinds of error a board and its tests ended with. */
function errorKinds({ failure, tests }: BoardSummary): Failure['kind'][] {
  const errors = tests.filter(({ verdict }) => verdict === 'error').map((test) => test.failure)
  return [failure, ...errors].filter((error) => error !== null).map(({ kind }) => kind)
}

function totalsOf(boards: readonly BoardSummary[]): RunSummary['totals'] {
  const tests = boards.flatMap((board) => board.tests)
  // A way of loading that the kernel does not have was not tried.
  const cycles = boards.flatMap((board) => board.cycles).filter(({ verdict }) => verdict !== 'skipped')
  const count = (verdict: Verdict) => tests.filter((test) => test.verdict === verdict).length
  const counted = cycles.filter(({ inVain }) => !inVain)
  return {
    tests: tests.length,
    passed: count('passed'),
    failed: count('failed'),
    errors: count('error'),
    skipped: count('skipped'),
    interrupted: count('interrupted'),
    cycles: counted.length,
    proven: counted.filter(({ proven }) => proven).length,
  }
}

/** ISO 8601 of a journal stamp, or null where the run's start, which ties stamps to the wall clock, is lost. */
function wallClock({ started }: Collected, t: number | null): string | null {
  const startedAtMs = Date.parse(started?.startedAt ?? '')
  const atMs = started && t !== null ? startedAtMs + (t - started.t) / 1e6 : Number.NaN
  return Math.abs(atMs) <= 8.64e15 ? new Date(atMs).toISOString() : null
}

function durationMs(fromT: number | null, toT: number | null): number | null {
  return fromT === null || toT === null ? null : milliseconds(Math.max(0, toT - fromT))
}

/** Nanoseconds as milliseconds, to the microsecond. */
function milliseconds(ns: number): number {
  return Math.round(ns / 1e3) / 1e3
}
