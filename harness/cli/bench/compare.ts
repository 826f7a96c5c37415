/** How long `compare` takes with a history of many runs. */
import { mkdtemp } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { removeFolder } from '../../../qemu/sockets.ts'
import { LabError } from '../../errors.ts'
import { acceptBaseline } from '../../history/baselines.ts'
import { sideOf } from '../../history/comparison.ts'
import { withHistory } from '../../history/store.ts'
import type { CycleSummary, RunSummary } from '../../journal/summary-schema.ts'
import { seededRandom } from '../../stats/random.ts'
import { summarize } from '../../stats/summary.ts'
import { root } from '../paths.ts'
import { type BenchContext, type Benchmark, type Row, verdict } from './benchmark.ts'

const boundSeconds = 1
const storedRuns = 10_000
const cyclesEach = 10
const rounds = 9
const board = 'qemu-x86_64'
const ways = [
  { syscall: 'kexec_load', checks: true },
  { syscall: 'kexec_load', checks: false },
  { syscall: 'kexec_file_load', checks: true },
] as const
/** From so many runs before the last one on, shutdown is slow, so that the history is asked since when. */
const slowRuns = 100

export const compare: Benchmark = {
  name: 'compare',
  about: `\`compare baseline RUN\` with ${storedRuns} runs of ${ways.length} × ${cyclesEach} cycles in the history`,
  run,
}

async function run({ progress, signal }: BenchContext): Promise<Row[]> {
  const results = await mkdtemp(join(tmpdir(), 'kexec-bench-'))
  try {
    progress(`compare: storing ${storedRuns} runs`)
    await fill(results, signal)
    progress(`compare: ${rounds + 1} comparisons`)
    const seconds: number[] = []
    // The first one fills the caches: compiled code, the file system's.
    for (let round = 0; round <= rounds; round++) seconds.push(await once(results, signal))
    const { n, median, ci95, min, max } = summarize(seconds.slice(1))
    return [
      {
        benchmark: 'compare',
        figure: `${median.toFixed(2)} s`,
        bound: `≤ ${boundSeconds} s`,
        verdict: median > boundSeconds && isBusy() ? 'too noisy' : verdict(median <= boundSeconds),
        n: `${n} comparisons`,
        note:
          `the whole command, ${storedRuns} runs stored; 95 % interval ${ci95?.map((value) => value.toFixed(2)).join(' to ')} s, ` +
          `min ${min.toFixed(2)} s, max ${max.toFixed(2)} s`,
      },
    ]
  } finally {
    await removeFolder(results)
  }
}

/** Whether other programs take so much of the machine that a figure above the bound says nothing. */
function isBusy(): boolean {
  return loadavg()[0]! > availableParallelism()
}

const nameOf = (index: number) => `2026-01-01T00-00-00Z-bench-${String(index).padStart(5, '0')}`

async function fill(results: string, signal: AbortSignal): Promise<void> {
  const random = seededRandom(1)
  await withHistory(results, console.error, (history) => {
    for (let from = 0; from < storedRuns; from += 500) {
      signal.throwIfAborted()
      history.recordAll(Array.from({ length: 500 }, (_, index) => makeRun(from + index, random)))
    }
  })
  const { groups } = sideOf(makeRun(0, random))
  await acceptBaseline(results, board, groups, { add: false, at: new Date() })
}

/** Seconds that one comparison takes, as a person waits for it. Throws LabError where it does not find what is slow. */
async function once(results: string, signal: AbortSignal): Promise<number> {
  const started = performance.now()
  const { exitCode, stdout, stderr } = await execa(
    'node',
    ['harness/bootstrap.mjs', 'compare', 'baseline', nameOf(storedRuns - 1), '--results', results],
    { cwd: root, preferLocal: true, localDir: root, stdin: 'ignore', reject: false, cancelSignal: signal },
  )
  const seconds = (performance.now() - started) / 1000
  if (exitCode !== 1 || !stdout.includes(`since ${nameOf(storedRuns - slowRuns)}`))
    throw new LabError(`the comparison did not find since when shutdown is slow: ${stdout} ${stderr}`)
  return seconds
}

/** A run as its summary says it, as far as the history reads it. */
function makeRun(index: number, random: () => number): RunSummary {
  const startedAt = new Date(Date.UTC(2026, 0, 1) + index * 3_600_000).toISOString()
  const cycles = ways.flatMap((way) =>
    Array.from({ length: cyclesEach }, (_, number) => makeCycle(way, number, index, random)),
  )
  const boards = [{ name: board, accelerator: 'tcg', append: '', cycles }]
  return {
    run: nameOf(index),
    startedAt,
    verdict: 'passed',
    command: 'test',
    boards,
  } as unknown as RunSummary
}

function makeCycle(
  way: (typeof ways)[number],
  number: number,
  index: number,
  random: () => number,
): Partial<CycleSummary> {
  const vary = (ms: number) => ms * (1 + 0.05 * random())
  const slowMs = index >= storedRuns - slowRuns ? 300 : 0
  return {
    ...{ cycle: ways.indexOf(way) * cyclesEach + number + 1, suite: 'timing', loader: 'kexec-tools', ...way },
    ...{ noIfdown: false, choice: null, warmup: false, kernel: '6.1.0-56-amd64' },
    ...{ verdict: 'passed', proven: true, gap: null },
    phases: {
      ...{ loadMs: vary(1200), shutdownMs: vary(100) + slowMs, gapMs: vary(1100) },
      ...{ startupMs: vary(2800), userspaceMs: vary(4100), totalMs: vary(9000) },
    },
  }
}
