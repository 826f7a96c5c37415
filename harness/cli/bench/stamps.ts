/** How far a line's time is from the moment it was written, with sixteen busy consoles. */
import { quantileSorted } from 'simple-statistics'
import { z } from 'zod'
import { privateFolder, removeFolder } from '../../../qemu/sockets.ts'
import { LabError } from '../../errors.ts'
import { type BenchContext, type Benchmark, type Row, verdict } from './benchmark.ts'
import { startChild } from './child.ts'
import { type OpenConsole, openConsole } from './consoles.ts'

const consoleCount = 16
const seconds = Number(process.env.S ?? 30)
const boundMs = 1

export const stamps: Benchmark = {
  name: 'stamps',
  about: `error of a line's time against its writer's clock, ${consoleCount} consoles at 115200 baud for ${seconds} s`,
  run,
}

async function run({ progress, signal }: BenchContext): Promise<Row[]> {
  progress(`stamps: ${consoleCount} consoles for ${seconds} s`)
  await using resources = new AsyncDisposableStack()
  const folder = await privateFolder()
  resources.defer(() => removeFolder(folder))
  const errorsMs: number[] = []
  const consoles: OpenConsole[] = []
  for (let index = 0; index < consoleCount; index++) {
    const open = resources.use(await openConsole(folder, folder, `board${index}`))
    open.console.onLine(({ text, atNs }) => {
      const written = /^@(\d+) /.exec(text)
      if (written) errorsMs.push(Number(atNs - BigInt(written[1]!)) / 1e6)
    })
    consoles.push(open)
  }
  const paths = consoles.map(({ path }) => path)
  const writer = resources.use(
    startChild('stamp-writer.ts', ['--seconds', String(seconds), ...paths], signal),
  )
  const { lines } = z.object({ lines: z.number() }).parse(await writer.message())
  await Promise.all(consoles.map(({ ended }) => ended))
  if (errorsMs.length !== lines)
    throw new LabError(`the writer wrote ${lines} lines and ${errorsMs.length} were read`)
  return [toRow(errorsMs)]
}

function toRow(errorsMs: number[]): Row {
  const sorted = errorsMs.toSorted((left, right) => left - right)
  const at = (quantile: number) => quantileSorted(sorted, quantile)
  const p99 = at(0.99)
  return {
    benchmark: 'stamps',
    figure: `p99 ${p99.toFixed(2)} ms`,
    bound: `≤ ${boundMs} ms`,
    verdict: verdict(p99 <= boundMs),
    n: `${sorted.length} lines`,
    note: `error median ${at(0.5).toFixed(3)} ms, p90 ${at(0.9).toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${at(1).toFixed(1)} ms`,
  }
}
