/** `npm run bench`: measures the harness itself and compares each figure with its bound. */
import { availableParallelism, loadavg } from 'node:os'
import { exitStatus, UsageError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { terminalOptions } from '../report/table.ts'
import { attribution } from './bench/attribution.ts'
import type { BenchFlags, Benchmark, Row } from './bench/benchmark.ts'
import { compare } from './bench/compare.ts'
import { cycle } from './bench/cycle.ts'
import { inspection } from './bench/inspection.ts'
import { matching } from './bench/matching.ts'
import { memory } from './bench/memory.ts'
import { largerInitramfs, regressions } from './bench/regressions.ts'
import { consoles } from './bench/serial.ts'
import { stamps } from './bench/stamps.ts'
import { start } from './bench/start.ts'
import { benchTable } from './bench/table.ts'
import { warm } from './bench/warm.ts'
import type { Progress } from './progress.ts'

const benchmarks: Benchmark[] = [
  ...[cycle, start, inspection, attribution, matching, stamps, consoles, memory, compare, warm],
  ...[regressions, largerInitramfs],
]

/**
 * Runs the benchmarks of these names, or all that do not take hours. Returns 0 when each held its bounds, 1 otherwise.
 * Throws UsageError.
 */
export async function bench(names: string[], flags: BenchFlags, signal: AbortSignal): Promise<number> {
  const chosen = choose(names)
  const progress: Progress = (text) => console.error(`bench: ${text}`)
  warnOfLoad(progress)
  const rows: Row[] = []
  for (const benchmark of chosen) {
    signal.throwIfAborted()
    rows.push(...(await benchmark.run({ signal, progress, flags })))
  }
  console.log(benchTable(rows, terminalOptions(process.stdout, process.env)))
  // A benchmark may tell what it had when it was interrupted.
  signal.throwIfAborted()
  const held = rows.every(({ verdict }) => !notHeld.includes(verdict))
  return held ? exitStatus.passed : exitStatus.failed
}

const notHeld: readonly Row['verdict'][] = ['too slow', 'too noisy', 'missed']

/** Programs beside it are the usual reason for a figure that is off. */
function warnOfLoad(progress: Progress): void {
  const [load] = loadavg()
  const cpus = availableParallelism()
  if (load! > cpus / 4)
    progress(
      `other programs use this machine (load ${load!.toFixed(1)} on ${cpus} CPUs): figures will be off`,
    )
}

function choose(names: string[]): Benchmark[] {
  if (names.length === 0) return benchmarks.filter(({ onlyByName }) => !onlyByName)
  return [...new Set(names)].map((name) => {
    const found = benchmarks.find((benchmark) => benchmark.name === name)
    if (found) return found
    const known = benchmarks.map((benchmark) => benchmark.name)
    throw new UsageError(`there is no benchmark ${JSON.stringify(name)}${didYouMean(name, known)}`, {
      hint: `Benchmarks: ${known.join(', ')}.`,
    })
  })
}
