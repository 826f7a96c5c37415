/** One round of saturated serial consoles: a writer on one core, a reader on another, and what the reader made of it. */
import { mkdir, mkdtemp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { defaultCacheFolder } from '../../../images/cache.ts'
import { removeFolder } from '../../../qemu/sockets.ts'
import { keeperNodeArguments } from '../lab/keep-consoles.ts'
import { type Child, startChild } from './child.ts'
import { cpuSeconds } from './processes.ts'
import { startPython } from './serial-python.ts'
import { lostBytes, stampErrorsMs } from './serial-recording.ts'

/** Ours, one that only takes the time and cuts lines, and pexpect on pyserial's ports. */
export type ReaderName = 'harness' | 'bare' | 'pexpect'

export type RoundOptions = {
  reader: ReaderName
  consoles: number
  seconds: number
  /** Not counted in CPU and stamps: a run reads for hours, and a compiler's warm-up is none of them. */
  warmUpSeconds: number
  cpus: { reader: number; writer: number }
}

export type Round = {
  sentBytes: number
  lostBytes: number
  /** How late the time of each line after the warm-up is. */
  errorsMs: number[]
  /** CPU time of the reader over wall time, after the warm-up. */
  cpuShare: number
  /** The most memory that the reader took. */
  peakRssBytes: number
  /** Share of the writer's pieces that came so late that the next one was due: they make less work for a reader. */
  lateShare: number
}

/** The longest that a reader waits for what doesn't come, once the writer has ended. */
const patienceSeconds = 30

/** Throws LabError when the writer or the reader ends early. */
export async function measureRound(options: RoundOptions, signal: AbortSignal): Promise<Round> {
  await using resources = new AsyncDisposableStack()
  // On a real disk, as a run's folder is.
  await mkdir(defaultCacheFolder(), { recursive: true })
  const folder = await mkdtemp(join(defaultCacheFolder(), 'bench-'))
  resources.defer(() => removeFolder(folder))
  const writing = resources.use(startWriter(options, folder, signal))
  const { paths } = z.object({ paths: z.array(z.string()) }).parse(await writing.message())
  const reading = resources.use(await startReader(options, folder, paths, signal))
  const { pid } = z.object({ pid: z.number() }).parse(await reading.message())
  const fromSeconds = monotonicSeconds() + options.warmUpSeconds
  writing.begin()
  await sleep(options.warmUpSeconds * 1000, undefined, { signal })
  const before = { wall: monotonicSeconds(), cpu: await cpuSeconds(pid) }
  const written = z.object({ late: z.number() }).parse(await writing.message())
  const after = { wall: monotonicSeconds(), cpu: await cpuSeconds(pid) }
  await reading.message()
  return {
    ...(await examine(folder, options.consoles, fromSeconds)),
    cpuShare: (after.cpu - before.cpu) / (after.wall - before.wall),
    peakRssBytes: await peakRssBytes(pid),
    lateShare: written.late,
  }
}

function startWriter({ consoles, seconds, cpus }: RoundOptions, folder: string, signal: AbortSignal) {
  const log = fileURLToPath(new URL('kernel-log.txt', import.meta.url))
  const args = [String(consoles), String(seconds), String(cpus.writer), log, folder]
  return startPython(new URL('serial-writer.py', import.meta.url), args, signal)
}

async function startReader(
  { reader, cpus, seconds }: RoundOptions,
  folder: string,
  paths: string[],
  signal: AbortSignal,
): Promise<Child> {
  const args = [String(cpus.reader), String(seconds + patienceSeconds), folder, ...paths]
  if (reader !== 'harness') return startPython(new URL(`serial-${reader}.py`, import.meta.url), args, signal)
  return startChild(new URL('serial-reader.ts', import.meta.url), args, signal, keeperNodeArguments)
}

async function examine(folder: string, consoles: number, fromSeconds: number) {
  const total = { sentBytes: 0, lostBytes: 0, errorsMs: [] as number[] }
  for (let index = 0; index < consoles; index++) {
    const file = join(folder, `console${index}`)
    const sent = await readFile(`${file}.sent`)
    total.sentBytes += sent.length
    total.lostBytes += lostBytes(sent, await readFile(`${file}.raw`))
    for (const one of stampErrorsMs(await readFile(`${file}.log`, 'latin1'), fromSeconds))
      total.errorsMs.push(one)
  }
  return total
}

/** CPUs that this process may run on; of a range only its ends. */
export async function allowedCpus(): Promise<number[]> {
  const status = await readFile('/proc/self/status', 'latin1')
  return /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)![1]!.split(/[,-]/).map(Number)
}

/** proc_pid_status(5): VmHWM, in kB of 1024 bytes. */
async function peakRssBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1')
  return Number(/^VmHWM:\s*(\d+) kB/m.exec(status)![1]) * 1024
}

/** The clock of all stamps, CLOCK_MONOTONIC. */
function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9
}
