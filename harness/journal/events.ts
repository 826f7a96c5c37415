/**
 * The events of a run, one JSON object a line in journal.jsonl. Everything a report shows comes from these.
 *
 * `t` is CLOCK_MONOTONIC in nanoseconds (system-wide, so that processes of one run compare); it fits a JSON
 * number exactly for the first 104 days of a host's uptime and to a few nanoseconds after.
 */
import { z } from 'zod'
import { snapshot } from '../console/snapshot.ts'
import { finding as detected } from '../detect/finding.ts'
import { gapExperiment } from '../kexec/experiment/result.ts'
import { downtime } from '../kexec/observe/downtime-record.ts'
import { observed } from '../kexec/observe/observed.ts'
import { diagnosis, gap, markName, phases } from '../kexec/outcome.ts'
import { conditions } from './measured.ts'

export type { Diagnosis, MarkName, Phases } from '../kexec/outcome.ts'

export const verdict = z.enum(['passed', 'failed', 'error', 'skipped', 'interrupted'])
export type Verdict = z.infer<typeof verdict>

const t = z.number()
const board = z.string()
const suite = z.string()
const test = z.string()
/** Number of a cycle on its board in this run, counted from 1 and unique together with the board. */
const cycle = z.number().int()

/** What an error said, in the terms of harness/errors.ts; `internal` is a bug in the harness itself. */
export const failure = z.object({
  kind: z.enum(['usage', 'lab', 'board', 'kexec', 'assertion', 'internal']),
  message: z.string(),
  hint: z.string().optional(),
  stack: z.string().optional(),
})
export type Failure = z.infer<typeof failure>

export { phaseNames } from './phase-names.ts'

/** A finding, and the cycle that it was made in. */
export const finding = detected.extend({
  suite: suite.optional(),
  test: test.optional(),
  cycle: cycle.optional(),
})
export type Finding = z.infer<typeof finding>

/** What was chosen in a bootloader's menu, and how. */
export const choice = z.object({
  by: z.enum(['label', 'time-out']),
  label: z.string().optional(),
  /** Words that were added to the command line in the bootloader's editor. */
  edit: z.string().optional(),
})

const cycleStarted = z.object({
  type: z.literal('cycle-started'),
  t,
  board,
  suite,
  test,
  cycle,
  generation: z.number().int(),
  iteration: z.number().int(),
  iterations: z.number().int(),
  loader: z.string(),
  syscall: z.enum(['kexec_load', 'kexec_file_load']),
  checks: z.boolean(),
  /** Whether user space is told to leave network interfaces alone (`kexec -e -x`). */
  noIfdown: z.boolean(),
  choice: choice.optional(),
  /** A warm-up or control cycle that statistics leave out. */
  warmup: z.boolean(),
  /** What a control cycle differs in from the others of its test, in words. */
  condition: z.string().optional(),
  /** An entry that can't be booted: what is wanted of it is a diagnosis, and there is nothing to prove. */
  inVain: z.boolean().optional(),
})

const cycleEnded = z.object({
  type: z.literal('cycle-ended'),
  t,
  board,
  cycle,
  verdict,
  /** boot_id changed, the nonce is in /proc/cmdline, and no firmware banner went by. */
  proven: z.boolean(),
  /** Release of the kernel that came up, as `uname -r` says it. */
  kernel: z.string().nullable(),
  phases,
  gap: gap.optional(),
  /** For how long the board did not answer its network; absent where nobody asked it. */
  downtime: downtime.optional(),
  memAvailableKiB: z.number().nullable(),
  failure: failure.optional(),
  diagnosis: diagnosis.optional(),
})

/** The plan that every process of the run works from: resolved, so that no process resolves it again. */
const plan = z.object({
  /** Absolute path of the run's folder. */
  results: z.string(),
  suites: z.array(z.string()),
  iterations: z.number().int().nullable(),
  /** How well the median of the gap shall be known, as a share of it; null: no matter. */
  precision: z.number().nullable().default(null),
  /** Cycles of each way of loading that come first and are no part of statistics. */
  warmups: z.number().int().default(0),
  timeoutMs: z.number().nullable(),
  /** Files of signatures beside the project's own. */
  signatures: z.array(z.string()).default([]),
  /** Whether a finding's driver is searched for by unbinding others. */
  bisectDrivers: z.boolean().default(false),
  /** Whether each power-on boots, also where the suite would let it go on from an earlier cold boot. */
  cold: z.boolean().default(true),
  boards: z.array(
    z.object({
      name: board,
      arch: z.string(),
      /** The descriptor after schema, defaults and command-line overrides. */
      descriptor: z.unknown(),
      /** The built image: see images/build.ts. */
      image: z.unknown(),
      /** The accelerator and QEMU binary that were chosen, for QEMU boards. */
      machine: z.unknown(),
      /** The fault module that each old kernel gets, and the disk that brings it; null: none. */
      fault: z.object({ name: z.string(), disk: z.string(), aimed: z.boolean() }).nullable().default(null),
    }),
  ),
})
export type Plan = z.infer<typeof plan>

/** What a baseline has of cycles under one set of conditions: values of each phase, run by run. */
export const baselineGroup = z.object({
  conditions,
  runs: z.array(
    z.object({
      run: z.string(),
      startedAt: z.string().nullable(),
      values: z.record(z.string(), z.array(z.number())),
    }),
  ),
})
export type BaselineGroup = z.infer<typeof baselineGroup>

const baselineConsulted = z.object({
  type: z.literal('baseline-consulted'),
  t,
  board,
  /** What a change has to exceed: a share of the median before, and milliseconds. */
  thresholds: z.object({ share: z.number(), ms: z.number() }),
  groups: z.array(baselineGroup),
  /** Regressions that the board's owner allows: the finding's id, and for how long. */
  allowed: z.array(
    z.object({ signature: z.string(), until: z.string(), owner: z.string(), why: z.string() }),
  ),
  /** Runs between the baseline and this one that were slower already, as the history told: the first of each phase. */
  slowSince: z.array(
    z.object({ conditions, phase: z.string(), run: z.string(), startedAt: z.string().nullable() }),
  ),
})
export type BaselineConsulted = z.infer<typeof baselineConsulted>

export const event = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('run-started'),
    t,
    schemaVersion: z.literal(1),
    run: z.string(),
    /** Wall clock at `t`, ISO 8601, so that every other `t` has a wall clock too. */
    startedAt: z.string(),
    command: z.string(),
    host: z.object({ node: z.string(), cpus: z.number(), harness: z.string() }),
    plan,
  }),
  z.object({
    type: z.literal('board-opened'),
    t,
    board,
    arch: z.string(),
    accelerator: z.string().nullable(),
    /** Why that accelerator, and the version of what runs it. */
    note: z.string(),
  }),
  /** Nothing can be run on a board, or nothing more: its lock, its place, its console, its switch. */
  z.object({ type: z.literal('board-unavailable'), t, board, failure }),
  /** The tests that a suite is about to run, so that one that never ran is seen to be missing. */
  z.object({ type: z.literal('suite-planned'), t, board, suite, tests: z.array(test) }),
  z.object({ type: z.literal('test-started'), t, board, suite, test }),
  z.object({
    type: z.literal('test-ended'),
    t,
    board,
    suite,
    test,
    verdict,
    /** Why a skipped test was skipped. */
    reason: z.string().optional(),
    failure: failure.optional(),
  }),
  z.object({ type: z.literal('boot-started'), t, board, attempt: z.number().int() }),
  z.object({
    type: z.literal('boot-ended'),
    t,
    board,
    verdict,
    kernel: z.string().nullable(),
    durationMs: z.number(),
    /** True: it went on from where an earlier cold boot had got to, docs/warm-boards.md. */
    warm: z.boolean().optional(),
    /** Why it could not, or why that of this boot was not kept. */
    note: z.string().optional(),
    failure: failure.optional(),
  }),
  cycleStarted,
  z.object({
    type: z.literal('mark'),
    t,
    board,
    cycle,
    name: markName,
    line: z.string().optional(),
  }),
  cycleEnded,
  /** What was seen of a cycle beyond its console. */
  z.object({ type: z.literal('cycle-observed'), t, board, cycle, observed }),
  /** Cycles that differ in one thing, whose differences tell where the gap goes: all of them, or those before it was ended. */
  z.object({ type: z.literal('gap-experiment'), t, board, suite, test, experiment: gapExperiment }),
  z.object({ type: z.literal('finding'), t, ...finding.shape }),
  /** What a bootloader's screen showed at a moment that matters: where a test failed, what was about to be chosen. */
  z.object({
    type: z.literal('screen'),
    t,
    board,
    suite,
    test,
    cycle: cycle.optional(),
    /** What a person would call it: `the menu when "Main Linux B" was looked for`. */
    title: z.string(),
    snapshot,
  }),
  /** One step of bringing a board back after a failed cycle, and what it said. */
  z.object({
    type: z.literal('recovery'),
    t,
    board,
    step: z.string(),
    outcome: z.string(),
    ok: z.boolean(),
  }),
  /** An AVA process ended: its exit code, and the tail of what it wrote to standard error. */
  z.object({
    type: z.literal('runner-ended'),
    t,
    board,
    exitCode: z.number().nullable(),
    stderr: z.string(),
  }),
  /** What the run is compared with, all of it: the verdict can be made again when the baseline is another one. */
  baselineConsulted,
  /** Something a person should read that is no test result. */
  z.object({ type: z.literal('note'), t, board: board.nullable(), text: z.string() }),
  z.object({
    type: z.literal('run-ended'),
    t,
    verdict,
    exitStatus: z.number().int(),
    failure: failure.optional(),
  }),
])
export type JournalEvent = z.infer<typeof event>
/** An event before the journal has stamped it; a stamp that is given is kept. */
export type NewEvent = JournalEvent extends infer E
  ? E extends JournalEvent
    ? Omit<E, 't'> & { t?: number }
    : never
  : never
export type CycleStarted = z.infer<typeof cycleStarted>
export type CycleEnded = z.infer<typeof cycleEnded>
