/** Whether the memory of a console's reader grows with what it reads. */
import { mkdirSync } from 'node:fs'
import { mkdtemp, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { median } from 'simple-statistics'
import { z } from 'zod'
import { defaultCacheFolder } from '../../../images/cache.ts'
import { privateFolder, removeFolder } from '../../../qemu/sockets.ts'
import { type BenchContext, type Benchmark, type Row, verdict } from './benchmark.ts'
import { boardProcessArguments, startChild } from './child.ts'

/** Read before the measured part: what a process takes at its start, and how far its allocators spread, is no leak. */
const warmUpBytes = 1_000_000_000
const measuredBytes = 1_000_000_000
const bytes = warmUpBytes + measuredBytes
/** The raw bytes, the log with its stamps, and some room. */
const neededBytes = 2.6 * bytes
const boundRatio = 0.1
const boundMiB = 30

export const memory: Benchmark = {
  name: 'memory',
  about: 'growth of memory over 1 GB of console that is recorded, searched for signatures and waited on',
  run,
}

const listening = z.object({ path: z.string() })
const result = z.object({
  taken: z.array(z.object({ bytes: z.number(), rss: z.number(), heap: z.number() })),
  seconds: z.number(),
  read: z.number(),
})
type Result = z.infer<typeof result>

async function run({ progress, signal }: BenchContext): Promise<Row[]> {
  mkdirSync(defaultCacheFolder(), { recursive: true })
  const { bavail, bsize } = await statfs(defaultCacheFolder())
  if (bavail * bsize < neededBytes) return [noRoom(bavail * bsize)]
  progress('memory: 1 GB of warm-up and 1 GB through a console, about 45 s')
  await using resources = new AsyncDisposableStack()
  const sockets = await privateFolder()
  resources.defer(() => removeFolder(sockets))
  // The recording goes to a real disk: a tmpfs would be memory itself.
  const recordings = await mkdtemp(join(defaultCacheFolder(), 'bench-'))
  resources.defer(() => removeFolder(recordings))
  const reader = resources.use(
    startChild(
      new URL('./memory-reader.ts', import.meta.url),
      [sockets, recordings, String(bytes)],
      signal,
      await boardProcessArguments(),
    ),
  )
  const { path } = listening.parse(await reader.message())
  const writer = resources.use(
    startChild(new URL('./flood-writer.ts', import.meta.url), [path, String(bytes)], signal),
  )
  const [measured] = await Promise.all([reader.message(), writer.message()])
  return [toRow(result.parse(measured))]
}

function toRow({ taken, seconds, read }: Result): Row {
  const measured = taken.map((sample) => ({ ...sample, at: (sample.bytes - warmUpBytes) / measuredBytes }))
  const first = measured.filter(({ at }) => at >= 0 && at <= 0.2)
  const last = measured.filter(({ at }) => at >= 0.8)
  const mib = (values: number[]) => median(values) / 2 ** 20
  const rss = { first: mib(first.map((one) => one.rss)), last: mib(last.map((one) => one.rss)) }
  const heap = { first: mib(first.map((one) => one.heap)), last: mib(last.map((one) => one.heap)) }
  const growth = rss.last - rss.first
  return {
    benchmark: 'memory',
    figure: `${growth >= 0 ? '+' : ''}${growth.toFixed(1)} MiB`,
    bound: `≤ ${boundMiB} MiB, ${boundRatio * 100} %`,
    verdict: verdict(growth <= boundMiB && growth <= boundRatio * rss.first),
    n: `${((read - warmUpBytes) / 1e9).toFixed(2)} GB`,
    note:
      `median RSS ${rss.first.toFixed(0)} MiB in the first fifth, ${rss.last.toFixed(0)} MiB in the last, after a warm-up of ${warmUpBytes / 1e9} GB; ` +
      `heap ${heap.first.toFixed(0)} and ${heap.last.toFixed(0)} MiB; ${(read / 1e6 / seconds).toFixed(0)} MB/s`,
  }
}

function noRoom(free: number): Row {
  return {
    benchmark: 'memory',
    figure: '-',
    bound: '',
    verdict: 'skipped',
    n: '',
    note: `needs ${(neededBytes / 1e9).toFixed(1)} GB in ${defaultCacheFolder()}, which has ${(free / 1e9).toFixed(1)} GB; free some space or set KEXEC_HARNESS_CACHE`,
  }
}
