/** `npm run bench`: measures the harness itself and compares each figure with its bound. */
import { availableParallelism, loadavg } from 'node:os'
import { exitStatus, UsageError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { terminalOptions } from '../report/table.ts'
import type { Benchmark, Row } from './bench/benchmark.ts'
import { compare } from './bench/compare.ts'
import { cycle } from './bench/cycle.ts'
import { inspection } from './bench/inspection.ts'
import { matching } from './bench/matching.ts'
import { memory } from './bench/memory.ts'
import { consoles } from './bench/serial.ts'
import { stamps } from './bench/stamps.ts'
import { start } from './bench/start.ts'
import { benchTable } from './bench/table.ts'
import type { Progress } from './progress.ts'

const benchmarks: Benchmark[] = [cycle, start, inspection, matching, stamps, consoles, memory, compare]

/** Runs the benchmarks of these names, or all. Returns 0 when each held its bounds, 1 otherwise. Throws UsageError. */
export async function bench(names: string[], signal: AbortSignal): Promise<number> {
  const chosen = choose(names)
  const progress: Progress = (text) => console.error(`bench: ${text}`)
  warnOfLoad(progress)
  const rows: Row[] = []
  for (const benchmark of chosen) {
    signal.throwIfAborted()
    rows.push(...(await benchmark.run({ signal, progress })))
  }
  console.log(benchTable(rows, terminalOptions(process.stdout, process.env)))
  const held = rows.every(({ verdict }) => verdict !== 'too slow' && verdict !== 'too noisy')
  return held ? exitStatus.passed : exitStatus.failed
}

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
  if (names.length === 0) return benchmarks
  return [...new Set(names)].map((name) => {
    const found = benchmarks.find((benchmark) => benchmark.name === name)
    if (found) return found
    const known = benchmarks.map((benchmark) => benchmark.name)
    throw new UsageError(`there is no benchmark ${JSON.stringify(name)}${didYouMean(name, known)}`, {
      hint: `Benchmarks: ${known.join(', ')}.`,
    })
  })
}
