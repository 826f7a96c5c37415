/** How far a line's time is from the moment it was written, with sixteen busy consoles. */
import { quantileSorted } from 'simple-statistics'
import { z } from 'zod'
import { privateFolder, removeFolder } from '../../../qemu/sockets.ts'
import { LabError } from '../../errors.ts'
import { type BenchContext, type Benchmark, type Row, verdict } from './benchmark.ts'
import { boardProcessArguments, startChild } from './child.ts'

const consoleCount = 16
const rounds = 6
const secondsPerRound = 6
const boundMs = 1

export const stamps: Benchmark = {
  name: 'stamps',
  about: `error of a line's time against its writer's clock, ${consoleCount} consoles at 115200 baud`,
  run,
}

async function run({ progress, signal }: BenchContext): Promise<Row[]> {
  const errorsMs = { harness: [] as number[], bare: [] as number[] }
  for (let round = 1; round <= rounds; round++) {
    progress(`stamps: round ${round} of ${rounds}, ${2 * secondsPerRound} s`)
    errorsMs.harness.push(...(await measure('harness', signal)))
    errorsMs.bare.push(...(await measure('bare', signal)))
  }
  const own = quantiles(errorsMs.harness)
  const bare = quantiles(errorsMs.bare)
  return [
    {
      benchmark: 'stamps',
      figure: `p99 ${own.p99.toFixed(2)} ms`,
      bound: `≤ ${boundMs} ms`,
      // A bare reader that is late as well was kept waiting by the host.
      verdict: own.p99 > boundMs && bare.p99 > boundMs ? 'too noisy' : verdict(own.p99 <= boundMs),
      n: `${errorsMs.harness.length} lines`,
      note: `error over ${rounds * secondsPerRound} s of ${consoleCount} consoles, ${inWords(own)}`,
    },
    {
      benchmark: 'stamps, bare',
      figure: `p99 ${bare.p99.toFixed(2)} ms`,
      bound: '',
      verdict: 'info',
      n: `${errorsMs.bare.length} lines`,
      note: `what this machine does to a reader that only takes the time and cuts lines, in rounds between: ${inWords(bare)}`,
    },
  ]
}

/** One round: the error of each line, in milliseconds. Throws LabError when a line is missing. */
async function measure(reader: 'harness' | 'bare', signal: AbortSignal): Promise<number[]> {
  await using resources = new AsyncDisposableStack()
  const folder = await privateFolder()
  resources.defer(() => removeFolder(folder))
  const reading = resources.use(
    startChild(
      new URL('./stamp-reader.ts', import.meta.url),
      [reader, folder, String(consoleCount)],
      signal,
      await boardProcessArguments(),
    ),
  )
  const { paths } = z.object({ paths: z.array(z.string()) }).parse(await reading.message())
  const args = ['--seconds', String(secondsPerRound), ...paths]
  const writing = resources.use(startChild(new URL('./stamp-writer.ts', import.meta.url), args, signal))
  const [written, read] = await Promise.all([writing.message(), reading.message()])
  const { lines } = z.object({ lines: z.number() }).parse(written)
  const { errorsMs } = z.object({ errorsMs: z.array(z.number()) }).parse(read)
  if (errorsMs.length !== lines)
    throw new LabError(`the writer wrote ${lines} lines and ${errorsMs.length} were read`)
  return errorsMs
}

type Quantiles = { median: number; p90: number; p99: number; max: number }

function quantiles(values: number[]): Quantiles {
  const sorted = values.toSorted((left, right) => left - right)
  const at = (quantile: number) => quantileSorted(sorted, quantile)
  return { median: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

function inWords({ median, p90, p99, max }: Quantiles): string {
  return `median ${median.toFixed(3)} ms, p90 ${p90.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${max.toFixed(1)} ms`
}
