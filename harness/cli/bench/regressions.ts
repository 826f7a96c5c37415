/** Whether planted regressions are caught and named, and nothing is where nothing was planted: on cycles of a real board. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join, resolve } from 'node:path'
import { loadQemuDescriptor } from '../../board/descriptor.ts'
import { UsageError } from '../../errors.ts'
import { observeGap } from '../../kexec/observe/observing.ts'
import type { KexecSession } from '../../kexec/session.ts'
import { seededRandom, shuffled } from '../../stats/random.ts'
import { thresholdsOf } from '../gate.ts'
import { boardsDir } from '../paths.ts'
import { type BenchContext, type Benchmark, type Row, toCount } from './benchmark.ts'
import { type Cycle, compareCycles, judge, type Setup } from './regressions-judge.ts'
import {
  baselineOf,
  larger,
  type Plant,
  type Planting,
  type Sets,
  slowShutdown,
  type Trial,
  usual,
  type Way,
} from './regressions-plants.ts'
import { controlRow, plantRow } from './regressions-rows.ts'
import { openSession } from './session.ts'

const about = 'and alarms where nothing was planted'
export const regressions: Benchmark = {
  name: 'regressions',
  about: `a slow shutdown and checks planted, caught and named, ${about}`,
  onlyByName: true,
  run: (context) => run(context, usual, { board: 'qemu-x86_64', cycles: 6 }),
}

export const largerInitramfs: Benchmark = {
  name: 'regressions-initramfs',
  about: `a larger initramfs planted, caught and named, ${about}`,
  onlyByName: true,
  // A host that is shared makes some cycles of an emulated board a third longer, and a larger initramfs is no more than that: so
  // instructions are counted.
  run: (context) => run(context, larger, { board: 'qemu-x86_64-icount', cycles: 5 }),
}

const defaultTrials = 20
/** Four against eight are the fewest that can tell one of five phases and six parts of the gap from chance. */
const fewestCycles = 4
/** Those with nothing planted are shared by the trials around them. */
const normalCycles = (cycles: number) => Math.max(3, Math.ceil(cycles / 4))
/** A board that fails as often as this in a row is not one to measure. */
const mostFailures = 3

async function run(
  context: BenchContext,
  planting: Planting,
  defaults: { board: string; cycles: number },
): Promise<Row[]> {
  const { progress, flags, signal } = context
  const { plants } = planting
  const trials = toCount('--trials', flags.trials, defaultTrials)
  const cycles = toCount('--cycles', flags.cycles, defaults.cycles)
  if (cycles < fewestCycles)
    throw new UsageError(`--cycles ${cycles} is too few to tell anything from chance`, {
      hint: `It takes ${fewestCycles} at least.`,
    })
  const name = flags.board ?? defaults.board
  const descriptor = await loadQemuDescriptor(name, boardsDir)
  // Where KASLR puts the new kernel, x86's decompressor takes up to ten times as long: much more than what is planted.
  const append = [descriptor.append, descriptor.arch === 'x86_64' ? 'nokaslr' : ''].filter(Boolean).join(' ')
  await using resources = new AsyncDisposableStack()
  const { session } = await openSession(
    resources,
    context,
    { board: [name], append, fault: slowShutdown.fault },
    observeGap,
  )
  const setup = {
    name: descriptor.name,
    // As of a board of its own, unless instructions are counted: sets that take turns have the same host.
    accelerator: descriptor.machine.accelerator === 'icount' ? 'icount' : null,
    append,
    thresholds: thresholdsOf(descriptor),
  }
  const log = openLog(flags.results, name, progress)
  log({
    type: 'started',
    startedAt: new Date().toISOString(),
    trials,
    cycles,
    setup,
    plants: plants.map(withoutOptions),
  })
  const sets: Sets[] = []
  const broken: Row[] = []
  try {
    await measure({ session, planting, trials, cycles, setup, log, progress, signal }, sets)
  } catch (error) {
    // Of some hours, what there is is told.
    if (sets.length === 0) throw error
    broken.push(brokenRow(sets.length, trials, error))
  }
  const judged = sets.flatMap((_, index) => plants.map((plant) => judgeTrial(sets, index, plant, setup)))
  const rows = [
    ...broken,
    ...plants.map((plant) => plantRow(plant, judged, sets, { cycles, setup })),
    controlRow(sets, { cycles, setup, random: seededRandom(200) }),
  ]
  log({ type: 'ended', rows })
  return rows
}

type Measuring = Pick<BenchContext, 'progress' | 'signal'> & {
  session: KexecSession
  planting: Planting
  trials: number
  cycles: number
  setup: Setup
  log: (line: object) => void
}

/** Runs the trials, and says of each what it looks like against the cycles with nothing planted so far. */
async function measure(measuring: Measuring, sets: Sets[]): Promise<void> {
  const { planting, trials: count, setup, progress } = measuring
  const { normal, plants } = planting
  const random = seededRandom(20)
  progress('regressions: booting the board, and a warm-up of each kind of cycle')
  for (const way of [normal, ...plants]) await cycleOf(measuring, way)
  const started = performance.now()
  for (let trial = 1; trial <= count; trial++) {
    sets.push(await measureSets(measuring, trial, random))
    const judged = plants.map((plant) => judgeTrial(sets, trial - 1, plant, setup))
    const minutesEach = (performance.now() - started) / 60_000 / trial
    progress(`${trialText(judged)}; ${Math.round(minutesEach * (count - trial))} min left`)
  }
}

/** All kinds of cycles of one trial in an order that is drawn, so that what the host does meanwhile befalls all of them. */
async function measureSets(measuring: Measuring, trial: number, random: () => number): Promise<Sets> {
  const { planting, trials, cycles, log, progress } = measuring
  const set: Sets = { normal: [], planted: new Map(planting.plants.map((plant) => [plant, []])) }
  const kinds = [
    { way: planting.normal, kind: 'normal', into: set.normal, count: normalCycles(cycles) },
    ...planting.plants.map((way) => ({
      ...{ way, kind: way.name, into: set.planted.get(way)!, count: cycles },
    })),
  ]
  const turns = shuffled(
    kinds.flatMap((kind) => Array.from({ length: kind.count }, () => kind)),
    random,
  )
  for (const [index, { way, kind, into }] of turns.entries()) {
    progress(`regressions: trial ${trial} of ${trials}, cycle ${index + 1} of ${turns.length}`)
    const cycle = await cycleOf(measuring, way)
    into.push(cycle)
    log({ type: 'cycle', trial, kind, load: loadavg()[0], cycle })
  }
  return set
}

function judgeTrial(sets: readonly Sets[], index: number, plant: Plant, setup: Setup): Trial {
  const planted = sets[index]!.planted.get(plant)!
  return { plant, judged: judge(compareCycles(baselineOf(sets, index), planted, setup), plant) }
}

function trialText(judged: readonly Trial[]): string {
  const said = judged.map(({ plant, judged: { caught, named, slower } }) => {
    const word = named ? 'named' : caught ? 'caught, not named' : 'missed'
    return `${plant.name} ${word}${slower.length > 0 ? ` (${slower.join(', ')})` : ''}`
  })
  return `regressions: ${said.join('; ')}`
}

function brokenRow(done: number, trials: number, error: unknown): Row {
  return {
    ...{ benchmark: 'regressions', figure: `${done} of ${trials} trials`, bound: 'all' },
    ...{ verdict: 'missed', n: '', note: `broken off: ${(error as Error).message}` },
  }
}

/** One cycle that succeeded. Throws the failure of a board that fails again and again. */
async function cycleOf({ session, progress }: Measuring, { method, options }: Way): Promise<Cycle> {
  for (let failures = 1; ; failures++) {
    const { failure, phases, gap, after, proven, generation, evidence } = await session.cycle(method, options)
    if (!failure) {
      for (const note of evidence?.notes ?? []) progress(`regressions: ${note}`)
      return {
        ...{ suite: 'regressions', loader: 'kexec-tools', syscall: method.syscall, checks: method.checks },
        ...{ noIfdown: !method.ifdown, cycle: generation, kernel: after?.release ?? null, verdict: 'passed' },
        ...{ proven, warmup: false, choice: null, phases, gap: gap ?? null },
      }
    }
    if (failures >= mostFailures) throw failure
    progress(`regressions: once more, since ${failure.message}`)
  }
}

/** A file of JSON lines beside the runs: each cycle as it comes, so that a run that was broken off leaves what it had. */
function openLog(results: string, board: string, progress: BenchContext['progress']): (line: object) => void {
  const folder = resolve(results)
  mkdirSync(folder, { recursive: true })
  const file = join(
    folder,
    `regressions-${board}-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}Z.jsonl`,
  )
  progress(`regressions: each cycle goes into ${file}`)
  return (line) => appendFileSync(file, `${JSON.stringify(line)}\n`)
}

function withoutOptions({ options: _options, ...plant }: Plant): object {
  return plant
}
