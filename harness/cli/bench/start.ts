/** How long a run takes from its command line to the start of QEMU. */
import { readFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { removeFolder } from '../../../qemu/sockets.ts'
import { LabError } from '../../errors.ts'
import { summarize } from '../../stats/summary.ts'
import { root } from '../paths.ts'
import { type BenchContext, type Benchmark, type Row, verdict } from './benchmark.ts'
import { descendants } from './processes.ts'

const boundSeconds = 0.7
const runs = 9
/** How often to look whether QEMU is there; looking takes time from what is measured. */
const pollMs = 50
const limitMs = 60_000

export const start: Benchmark = {
  name: 'start',
  about:
    'from the start of `node harness/bootstrap.mjs test --board qemu-x86_64` to the start of QEMU, images cached',
  run,
}

async function run({ progress, signal }: BenchContext): Promise<Row[]> {
  progress(`start: ${runs + 1} runs, each stopped once QEMU has started`)
  const seconds: number[] = []
  // The first one fills the caches: images, compiled code, the file system's.
  for (let index = 0; index <= runs; index++) seconds.push(await once(signal))
  const { n, median, ci95, min, max } = summarize(seconds.slice(1))
  return [
    {
      benchmark: 'start',
      figure: `${median.toFixed(2)} s`,
      bound: `≤ ${boundSeconds} s`,
      verdict: verdict(median <= boundSeconds),
      n: `${n} runs`,
      note:
        `median, 95 % interval ${ci95?.map((value) => value.toFixed(2)).join(' to ')} s, ` +
        `min ${min.toFixed(2)} s, max ${max.toFixed(2)} s`,
    },
  ]
}

/** Seconds from the start of the harness to that of its QEMU. */
async function once(signal: AbortSignal): Promise<number> {
  const results = await mkdtemp(join(tmpdir(), 'kexec-bench-'))
  const options = ['--board', 'qemu-x86_64', '--suite', 'smoke', '--iterations', '1', '--results', results]
  const startedMs = Number(process.hrtime.bigint()) / 1e6
  const harness = execa('node', ['harness/bootstrap.mjs', 'test', ...options], {
    cwd: root,
    // As npm starts it: with the pinned Node first in PATH.
    preferLocal: true,
    localDir: root,
    stdin: 'ignore',
    reject: false,
    all: true,
    // The harness ends its QEMU by itself, also where it is told to stop.
    forceKillAfterDelay: 20_000,
  })
  try {
    const ended = harness.then(({ all }) => {
      throw new LabError(`the harness ended before QEMU was seen: ${all.slice(-500)}`)
    })
    ended.catch(() => {})
    const qemuMs = await Promise.race([qemuStart(harness.pid!, signal), ended])
    return (qemuMs - startedMs) / 1000
  } finally {
    harness.kill('SIGTERM')
    await harness
    await removeFolder(results)
  }
}

/** When a QEMU below the process started, in milliseconds of the monotonic clock, within 10 ms. */
async function qemuStart(ancestor: number, signal: AbortSignal): Promise<number> {
  const deadline = performance.now() + limitMs
  while (performance.now() < deadline) {
    const found = (await descendants(ancestor)).find(({ name, pid }) => isBoard(name, pid))
    if (found) return found.startedMs
    await sleep(pollMs, undefined, { signal })
  }
  throw new LabError(`no QEMU within ${limitMs / 1000} s after the harness started`)
}

/** The harness also asks QEMU for its version, and that one is gone again soon. */
function isBoard(name: string, pid: number): boolean {
  if (!name.startsWith('qemu-system')) return false
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('\0-kernel\0')
  } catch {
    return false
  }
}
