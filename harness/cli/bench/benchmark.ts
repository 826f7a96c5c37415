/** What a benchmark is: something that measures and says whether a bound was held. */
import type { Progress } from '../progress.ts'

/** One line of the table. */
export type Row = {
  benchmark: string
  /** What was measured, with its unit. */
  figure: string
  /** What it has to be; empty where the figure only explains another one. */
  bound: string
  /** `too noisy`: other programs on the host took so much of it that the figure decides nothing. */
  verdict: 'ok' | 'too slow' | 'too noisy' | 'skipped' | 'info'
  /** How many measurements the figure rests on, and of what. */
  n: string
  /** How sure the figure is, or what to install; shown below the table. */
  note?: string
}

export type BenchContext = { progress: Progress; signal: AbortSignal }

export type Benchmark = {
  name: string
  /** What it measures, as one sentence. */
  about: string
  run(context: BenchContext): Promise<Row[]>
}

/** The row of a benchmark that needs something that is not here; `command` installs it. */
export function skipped(benchmark: string, missing: string, command: string): Row {
  return {
    benchmark,
    figure: '-',
    bound: '',
    verdict: 'skipped',
    n: '',
    note: `${missing}; install it with: ${command}`,
  }
}

export function verdict(held: boolean): 'ok' | 'too slow' {
  return held ? 'ok' : 'too slow'
}
