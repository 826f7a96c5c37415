/** What a benchmark is: something that measures and says whether a bound was held. */
import { UsageError } from '../../errors.ts'
import type { Progress } from '../progress.ts'

/** One line of the table. */
export type Row = {
  benchmark: string
  /** What was measured, with its unit. */
  figure: string
  /** What it has to be; empty where the figure only explains another one. */
  bound: string
  /** `too noisy`: other programs on the host took so much of it that the figure decides nothing. */
  verdict: 'ok' | 'too slow' | 'too noisy' | 'missed' | 'skipped' | 'info'
  /** How many measurements the figure rests on, and of what. */
  n: string
  /** How sure the figure is, or what to install; shown below the table. */
  note?: string
}

/** Flags of `bench`, as they were typed. */
export type BenchFlags = {
  board?: string
  trials?: string
  cycles?: string
  /** Folder that holds the folders of runs. */
  results: string
}

export type BenchContext = { progress: Progress; signal: AbortSignal; flags: BenchFlags }

export type Benchmark = {
  name: string
  /** What it measures, as one sentence. */
  about: string
  /** It takes hours: it is run where it is named only. */
  onlyByName?: true
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

/** What a flag says, or its default. Throws UsageError. */
export function toCount(flag: string, text: string | undefined, fallback: number): number {
  const count = text === undefined ? fallback : Number(text)
  if (!Number.isInteger(count) || count < 1)
    throw new UsageError(`${flag} wants a whole number from 1 on, not ${JSON.stringify(text)}`)
  return count
}
