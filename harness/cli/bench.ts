/** `npm run bench`: measures the harness itself and compares each figure with its bound. */
import { exitStatus, UsageError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { terminalOptions } from '../report/table.ts'
import type { Benchmark, Row } from './bench/benchmark.ts'
import { cycle } from './bench/cycle.ts'
import { matching } from './bench/matching.ts'
import { memory } from './bench/memory.ts'
import { stamps } from './bench/stamps.ts'
import { start } from './bench/start.ts'
import { benchTable } from './bench/table.ts'

const benchmarks: Benchmark[] = [cycle, start, matching, stamps, memory]

/** Runs the benchmarks of these names, or all. Returns 0 when each held its bounds, 1 otherwise. Throws UsageError. */
export async function bench(names: string[], signal: AbortSignal): Promise<number> {
  const rows: Row[] = []
  for (const benchmark of chosen(names)) {
    signal.throwIfAborted()
    rows.push(...(await benchmark.run({ signal, progress: (text) => console.error(`bench: ${text}`) })))
  }
  console.log(benchTable(rows, terminalOptions(process.stdout, process.env)))
  return rows.some(({ verdict }) => verdict === 'too slow') ? exitStatus.failed : exitStatus.passed
}

function chosen(names: string[]): Benchmark[] {
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
