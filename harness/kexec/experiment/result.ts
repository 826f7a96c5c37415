/** What an experiment on the gap leaves: plain data, which the journal records as it is. */
import { z } from 'zod'
import { gapParts } from '../outcome.ts'

/** Which phase of a cycle shows a difference. */
const shownIn = z.enum(['gapMs', 'startupMs', 'totalMs'])

/** One way of running a cycle, which differs in one thing from another. */
const condition = z.object({
  name: z.string(),
  /** The condition that it differs from; null for the reference, which differs from nothing. */
  from: z.string().nullable(),
  /** In what, in words. */
  differsIn: z.string(),
  syscall: z.enum(['kexec_load', 'kexec_file_load']),
  checks: z.boolean(),
  /** How much larger than its own the initramfs is, MiB. */
  padMiB: z.number().int(),
  /** Whether the new kernel shows its first words before its console driver is there. */
  earlyConsole: z.boolean(),
  /** Added to the new kernel's command line. */
  append: z.string(),
  /** True: a crash kernel, which lies where it runs since it was loaded, and is started by a crash. */
  crash: z.boolean().default(false),
  shownIn,
})
export type Condition = z.infer<typeof condition>

/** One cycle of the experiment. */
const observation = z.object({
  /** Every condition has one cycle in each block; counted from 1. */
  block: z.number().int(),
  cycle: z.number().int(),
  gapMs: z.number().optional(),
  startupMs: z.number().optional(),
  totalMs: z.number().optional(),
  /** Where the gap went, on a board that can be looked into. */
  parts: gapParts.partial().optional(),
})
export type Observation = z.infer<typeof observation>

/** What was varied, and what each cycle came to. */
export const gapExperiment = z.object({
  /** The way of loading of the reference, in words. */
  reference: z.string(),
  /** The order of the cycles within each block can be made again from it. */
  seed: z.number().int(),
  /** What the reference has moved to its place, MiB; null where nobody could tell. */
  movedMiB: z.number().nullable(),
  /** Segments: as the loader laid them out, with the room that a kernel wants to unpack itself. Files: as large as they are. */
  movedIs: z.enum(['segments', 'files']),
  conditions: z.array(condition.extend({ observations: z.array(observation) })),
  leftOut: z.array(z.object({ differsIn: z.string(), reason: z.string() })),
})
export type GapExperiment = z.infer<typeof gapExperiment>

const interval = z.tuple([z.number(), z.number()])

export const estimateNames = [
  'purgatory',
  'relocation',
  'consoleWait',
  'rest',
  'syscall',
  'crashKernel',
  'secondaryCpus',
  'consoleText',
] as const

/** What one thing costs, as differences between cycles show it; milliseconds. */
const estimate = z.object({
  name: z.enum(estimateNames),
  ms: z.number(),
  /** 95 % interval; null where each condition has one cycle, which tells nothing of its spread. */
  ci95: interval.nullable(),
  /** False where the interval holds zero: it can't be told from nothing. */
  told: z.boolean(),
  /** What a MiB of it costs, where it grows with what is loaded. */
  perMiB: z.object({ ms: z.number(), ci95: interval.nullable(), told: z.boolean() }).nullable(),
  /** The same as breakpoints at the gap's borders show it, and how far off the estimate is as a share of the gap. */
  direct: z.object({ ms: z.number(), offOfGap: z.number() }).nullable(),
})
export type Estimate = z.infer<typeof estimate>
export type EstimateName = Estimate['name']

/** What an experiment comes to. */
export const experimentResult = z.object({
  suite: z.string(),
  test: z.string(),
  reference: z.string(),
  blocks: z.number().int(),
  cycles: z.number().int(),
  /** Median gap of the reference. */
  gapMs: z.number(),
  movedMiB: z.number().nullable(),
  movedIs: z.enum(['segments', 'files']),
  /** True where relocation can't be told from a digest, since the board has no way of loading without one. */
  withDigest: z.boolean(),
  estimates: z.array(estimate),
  /** The gap against what the initramfs was made larger by, for each way of loading. */
  lines: z.array(
    z.object({
      way: z.string(),
      points: z.array(z.object({ padMiB: z.number(), gapMs: z.number() })),
      /** Gap without padding, and what a MiB adds to it, with its 95 % interval. */
      fit: z.object({ interceptMs: z.number(), perMiB: z.number(), ci95: interval.nullable() }).nullable(),
    }),
  ),
  /** What the relocation alone took in each cycle of these, by the gap's borders; empty where nothing was looked into. */
  relocations: z.array(z.object({ way: z.string(), padMiB: z.number(), relocationMs: z.number() })),
  leftOut: z.array(z.object({ differsIn: z.string(), reason: z.string() })),
})
export type ExperimentResult = z.infer<typeof experimentResult>
