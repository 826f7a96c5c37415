/** The shape of run.json: what a run's journal comes to. Fields named in DESIGN.md stay; more may be added. */
import { z } from 'zod'
import { snapshot } from '../console/snapshot.ts'
import { experimentResult } from '../kexec/experiment/result.ts'
import { downtime } from '../kexec/observe/downtime-record.ts'
import { observed } from '../kexec/observe/observed.ts'
import { diagnosis, gapParts, markName, phases } from '../kexec/outcome.ts'
import { choice, failure, finding, verdict } from './events.ts'
import { conditions } from './measured.ts'
import { phasesAndParts } from './phase-names.ts'

/** ISO 8601 in UTC; null where the journal's first line, which carries the wall clock, was lost. */
const wallClock = z.string().nullable()
const durationMs = z.number().nullable()

/** What statistics are made of; `totalMs` is from the command that executes to the new kernel's ready. */
export const statisticPhases = [...phasesAndParts, 'totalMs', 'pingDowntimeMs', 'tcpDowntimeMs'] as const

/** Where the gap went is there where something measured it. */
const gap = gapParts.partial().extend({
  /** The old kernel's last line and the new kernel's first: the gap's two ends. */
  lastLine: z.string().optional(),
  firstLine: z.string().optional(),
  /** From the last old line to the kernel's own time zero. */
  toKernelStartMs: z.number().nullable().optional(),
  earlyConsole: z.boolean().optional(),
  /** How long the machine was stopped to be looked at; gapMs is without it. */
  inspectionMs: z.number().optional(),
  /** By how much each end may have been seen late: what the serial line and its adapter hold back. */
  uncertaintyMs: z.number().optional(),
  /** The parts by sampling, beside those by breakpoints. */
  sampled: gapParts.optional(),
  method: z.string(),
})

/** A moment of a cycle, in milliseconds from the cycle's start. */
const mark = z.object({ name: markName, atMs: z.number(), line: z.string().optional() })

const cycle = z.object({
  /** Number of the cycle on its board, from 1. */
  cycle: z.number().int(),
  suite: z.string(),
  test: z.string(),
  iteration: z.number().int().nullable(),
  iterations: z.number().int().nullable(),
  generation: z.number().int().nullable(),
  loader: z.string(),
  syscall: z.enum(['kexec_load', 'kexec_file_load']).nullable(),
  checks: z.boolean().nullable(),
  noIfdown: z.boolean().nullable(),
  /** What was chosen in a bootloader's menu; null where a shell loaded it. */
  choice: choice.nullable(),
  /** Statistics leave warm-up and control cycles out. */
  warmup: z.boolean(),
  /** What a control cycle differs in from the others of its test, in words. */
  condition: z.string().nullable(),
  /** An entry that can't be booted: what is wanted of it is a diagnosis. */
  inVain: z.boolean(),
  kernel: z.string().nullable(),
  verdict,
  proven: z.boolean(),
  startedAt: wallClock,
  durationMs,
  phases,
  gap: gap.nullable(),
  /** For how long the board did not answer its network; null where nobody asked it. */
  downtime: downtime.nullable(),
  memAvailableKiB: z.number().nullable(),
  marks: z.array(mark),
  failure: failure.nullable(),
  diagnosis: diagnosis.nullable(),
  /** What was seen beyond the console; null where nothing was observed. */
  observed: observed.nullable(),
})

const interval = z.tuple([z.number(), z.number()])

/** How a value changes over the cycles of a chain, in its unit per cycle. */
const drift = z.object({
  n: z.number().int(),
  perCycle: z.number(),
  ci95: interval,
  /** p value of the Mann-Kendall test for a trend. */
  p: z.number(),
  /** p < 0.05; in statistics, which test many phases at once, divided by their number. */
  significant: z.boolean(),
})

const statistic = z.object({
  suite: z.string(),
  loader: z.string(),
  syscall: z.enum(['kexec_load', 'kexec_file_load']).nullable(),
  checks: z.boolean().nullable(),
  noIfdown: z.boolean().nullable(),
  phase: z.enum(statisticPhases),
  /** Milliseconds from here on, except for the count `n`. */
  n: z.number().int(),
  median: z.number(),
  p95: z.number(),
  min: z.number(),
  max: z.number(),
  /** Median absolute deviation. */
  mad: z.number(),
  /** Exact 95 % confidence interval of the median; null for fewer than six values. */
  ci95: z.tuple([z.number(), z.number()]).nullable(),
  /** The same by a seeded bootstrap: also for fewer values, for which it is too narrow; null for one, and for thousands. */
  bootstrap95: z.tuple([z.number(), z.number()]).nullable(),
  /** Cycles whose value lies far off, which is in the numbers all the same; harness/stats/outliers.ts has the rule. */
  outliers: z.array(z.object({ cycle: z.number().int(), value: z.number() })),
  /** How the value changes from cycle to cycle, which is from generation to generation; null for fewer than four. */
  drift: drift.nullable(),
  /** How many good warm-up cycles are in no number. */
  warmups: z.number().int(),
  /** Where a precision was asked for, of the gap: as shares of the median, half the width of `ci95`. */
  precision: z.object({ asked: z.number(), reached: z.number().nullable(), met: z.boolean() }).nullable(),
})

/** One phase under one set of conditions against the board's baseline; milliseconds unless told. */
const comparison = z.object({
  conditions,
  /** Whether the baseline was loaded with checks, where that is what differs; else null. */
  checksWere: z.boolean().nullable(),
  /** A phase, or a part of the gap. */
  phase: z.string(),
  /** The runs that the baseline is made of, oldest first. */
  baseline: z.array(z.string()),
  from: z.object({ n: z.number().int(), median: z.number() }),
  to: z.object({ n: z.number().int(), median: z.number() }),
  /** Hodges and Lehmann's estimate of the change, with its 95 % interval. */
  shift: z.number(),
  ci95: z.tuple([z.number(), z.number()]).nullable(),
  /** The shift as a share of the median before. */
  share: z.number(),
  /** By which share all phases of an emulated board moved at once, where the baseline has one run or two; else 0. */
  commonShare: z.number(),
  /** Two-sided p values: Mann-Whitney's, and that of the t test between runs' medians where the baseline has three or more. */
  p: z.number(),
  pRuns: z.number().nullable(),
  /** The larger of both, corrected for all that was compared at once. */
  corrected: z.number(),
  /** Cliff's delta, -1 to 1. */
  delta: z.number(),
  /** By how much the medians of the baseline's own runs differ. */
  betweenRuns: z.number(),
  verdict: z.enum(['slower', 'faster', 'no change', 'too few cycles']),
  /** The first run that was slower than the baseline, and all after it; null where nothing is slower. */
  since: z.object({ run: z.string(), startedAt: wallClock }).nullable(),
})

const attempt = z.object({
  verdict,
  startedAt: wallClock,
  durationMs,
  reason: z.string().nullable(),
  failure: failure.nullable(),
})

const screen = z.object({
  /** What it is, in words. */
  title: z.string(),
  at: wallClock,
  /** Number of the cycle it belongs to; null where it belongs to none. */
  cycle: z.number().int().nullable(),
  /** Its picture in the run's folder. */
  file: z.string(),
  /** What a person would copy from it. */
  text: z.string(),
  snapshot,
})

const test = attempt.extend({
  suite: z.string(),
  test: z.string(),
  /** Every try, oldest first; the test's own fields are those of the last one. Empty where it never ran. */
  attempts: z.array(attempt),
  /** The last screens that were kept of it, oldest first. */
  screens: z.array(screen),
})

const boot = z.object({
  attempt: z.number().int(),
  verdict,
  kernel: z.string().nullable(),
  startedAt: wallClock,
  durationMs,
  /** True: the board did not boot but went on from where an earlier cold boot had got to. */
  warm: z.boolean().default(false),
  note: z.string().optional(),
  failure: failure.nullable(),
})

const stress = z.object({
  cycles: z.number().int(),
  failures: z.number().int(),
  failureRate: z.number(),
  /** Wilson's 95 % interval of the failure rate. */
  ci95: interval,
  gapDriftMs: drift.nullable(),
  memAvailableDriftKiB: drift.nullable(),
})

/** Gap of checked over unchecked loads: what purgatory's SHA-256 costs. */
const checksRatio = z.object({
  loader: z.string(),
  syscall: z.enum(['kexec_load', 'kexec_file_load']),
  checkedMs: z.number(),
  uncheckedMs: z.number(),
  ratio: z.number(),
})

const board = z.object({
  name: z.string(),
  arch: z.string().nullable(),
  accelerator: z.string().nullable(),
  /** What is added to the command line of every kernel, beside what the harness needs. */
  append: z.string(),
  /** Why that accelerator, and the version of what runs the board. */
  note: z.string().nullable(),
  verdict,
  /** What is wrong with the board as a whole, beyond its tests. */
  failure: failure.nullable(),
  tests: z.array(test),
  cycles: z.array(cycle),
  statistics: z.array(statistic),
  /** Against the board's baseline; empty where it has none under the same conditions. */
  comparisons: z.array(comparison),
  checksRatio: checksRatio.nullable(),
  stress: stress.nullable(),
  /** Where the gap goes, told from cycles that differ in one thing. */
  experiments: z.array(experimentResult),
  boots: z.array(boot),
  recoveries: z.array(z.object({ at: wallClock, step: z.string(), outcome: z.string(), ok: z.boolean() })),
  /** The AVA processes that ended, with the tail of their standard error. */
  runners: z.array(z.object({ exitCode: z.number().nullable(), stderr: z.string() })),
})

export const runSummarySchema = z
  .object({
    schemaVersion: z.literal(1),
    run: z.string(),
    startedAt: wallClock,
    /** Wall clock of the last event; of the run's end where `complete`. */
    endedAt: wallClock,
    durationMs,
    command: z.string(),
    verdict: z.enum(['passed', 'failed', 'error', 'interrupted']),
    exitStatus: z.number().int(),
    /** Whether the journal has the run's end: false for a run that was killed or still goes on. */
    complete: z.boolean(),
    failure: failure.nullable(),
    host: z.object({ node: z.string(), cpus: z.number(), harness: z.string() }).nullable(),
    totals: z.object({
      tests: z.number().int(),
      passed: z.number().int(),
      failed: z.number().int(),
      errors: z.number().int(),
      skipped: z.number().int(),
      interrupted: z.number().int(),
      cycles: z.number().int(),
      proven: z.number().int(),
    }),
    boards: z.array(board),
    findings: z.array(finding),
    notes: z.array(z.object({ at: wallClock, board: z.string().nullable(), text: z.string() })),
  })
  .meta({ title: 'kexec-harness run summary (run.json)' })

export type RunSummary = z.infer<typeof runSummarySchema>
export type BoardSummary = z.infer<typeof board>
export type CycleSummary = z.infer<typeof cycle>
export type TestSummary = z.infer<typeof test>
export type ScreenSummary = z.infer<typeof screen>
export type AttemptSummary = z.infer<typeof attempt>
export type BootSummary = z.infer<typeof boot>
export type Statistic = z.infer<typeof statistic>
export type BaselineComparison = z.infer<typeof comparison>
export type StressSummary = z.infer<typeof stress>
export type ChecksRatio = z.infer<typeof checksRatio>

/** JSON Schema of run.json, as shipped in run.schema.json. */
export function runJsonSchema(): object {
  return z.toJSONSchema(runSummarySchema)
}
