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
import { type Cycle, compareCycles, isAlarm, type Judged, judge, type Setup } from './regressions-judge.ts'
import {
  larger,
  type Plant,
  type Planting,
  type Sets,
  slowShutdown,
  type Trial,
  usual,
  type Way,
  withoutPlant,
} from './regressions-plants.ts'
import { controlRows, plantRow } from './regressions-rows.ts'
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
  // Where relocation varies least.
  run: (context) => run(context, larger, { board: 'qemu-aarch64', cycles: 8 }),
}

const defaultTrials = 20
/** Four against eight are the fewest that can tell one of five phases and six parts of the gap from chance. */
const fewestCycles = 4
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
  const { session, board } = await openSession(
    resources,
    context,
    { board: [name], append, fault: slowShutdown.fault },
    observeGap,
  )
  const setup = {
    name: descriptor.name,
    accelerator: board.accelerator,
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
  const measured: Measured = { trials: [], sets: [] }
  const broken: Row[] = []
  try {
    await measure({ session, planting, trials, cycles, setup, log, progress, signal }, measured)
  } catch (error) {
    // Of some hours, what there is is told.
    if (measured.sets.length === 0) throw error
    broken.push(brokenRow(measured.sets.length, trials, error))
  }
  const rows = [
    ...broken,
    ...plants.map((plant) => plantRow(plant, measured.trials, measured.sets, { cycles, setup })),
    ...controlRows(measured.sets, { cycles, setup, random: seededRandom(200) }),
  ]
  log({ type: 'ended', rows })
  return rows
}

type Measured = { trials: Trial[]; sets: Sets[] }
type Measuring = Pick<BenchContext, 'progress' | 'signal'> & {
  session: KexecSession
  planting: Planting
  trials: number
  cycles: number
  setup: Setup
  log: (line: object) => void
}

/** Runs the trials, and judges each as soon as it is over. */
async function measure(measuring: Measuring, into: Measured): Promise<void> {
  const { planting, trials: count, setup, log, progress } = measuring
  const { normal, plants } = planting
  const random = seededRandom(20)
  const started = performance.now()
  progress('regressions: booting the board, and a warm-up of each kind of cycle')
  for (const way of [normal, ...plants]) await cycleOf(measuring, way)
  for (let trial = 1; trial <= count; trial++) {
    const set = await measureSets(measuring, trial, random)
    into.sets.push(set)
    const judged = plants.map((plant) => ({ plant, judged: judgeTrial(set, plant, setup) }))
    into.trials.push(...judged)
    const isQuiet = !isAlarm(compareCycles(set.normal, set.again, setup))
    log({
      ...{ type: 'judged', trial, isQuiet },
      judged: judged.map(({ plant, judged: one }) => ({ plant: plant.name, ...one })),
    })
    const minutesEach = (performance.now() - started) / 60_000 / trial
    progress(`${trialText(judged, isQuiet)}; ${Math.round(minutesEach * (count - trial))} min left`)
  }
}

/** The cycles of one trial take turns, so that what the host does meanwhile befalls all sets. */
async function measureSets(measuring: Measuring, trial: number, random: () => number): Promise<Sets> {
  const { trials, cycles, log, progress } = measuring
  const { normal, plants } = measuring.planting
  const set: Sets = { normal: [], again: [], planted: new Map(plants.map((plant) => [plant, []])) }
  const kinds: [Way, string, Cycle[]][] = [
    [normal, 'normal', set.normal],
    [normal, 'again', set.again],
    ...plants.map((plant): [Way, string, Cycle[]] => [plant, plant.name, set.planted.get(plant)!]),
  ]
  for (let turn = 1; turn <= cycles; turn++) {
    progress(`regressions: trial ${trial} of ${trials}, turn ${turn} of ${cycles}`)
    for (const [way, kind, into] of shuffled(kinds, random)) {
      const cycle = await cycleOf(measuring, way)
      into.push(cycle)
      log({ type: 'cycle', trial, turn, kind, load: loadavg()[0], cycle })
    }
  }
  return set
}

function judgeTrial(set: Sets, plant: Plant, setup: Setup): Judged {
  // As many again cost nothing more, and a baseline has more cycles than the run that is held against it.
  return judge(compareCycles(withoutPlant(set), set.planted.get(plant)!, setup), plant)
}

function trialText(judged: readonly Trial[], isQuiet: boolean): string {
  const said = judged.map(({ plant, judged: { caught, named, slower } }) => {
    const word = named ? 'named' : caught ? 'caught, not named' : 'missed'
    return `${plant.name} ${word}${slower.length > 0 ? ` (${slower.join(', ')})` : ''}`
  })
  return `regressions: ${said.join('; ')}; nothing planted: ${isQuiet ? 'no alarm' : 'alarm'}`
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
