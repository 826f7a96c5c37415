/** What the harness costs: a kexec cycle under it against the same cycle under a script of a few lines. */
import { LabError } from '../../errors.ts'
import { commandLine, newNonce } from '../../kexec/command-line.ts'
import type { KexecSession } from '../../kexec/session.ts'
import { loadCommand } from '../../loader/kexec-tools.ts'
import { type Summary, summarize } from '../../stats/summary.ts'
import { type BenchContext, type Benchmark, type Row, verdict } from './benchmark.ts'
import { cpuSeconds, descendants } from './processes.ts'
import { type RawBoard, startTwin } from './raw-board.ts'
import { openSession } from './session.ts'

const boundRatio = 1.02
const pairs = 24
/** A ratio that is known less well says nothing about a bound of two per cent. */
const widestInterval = 0.1
const boardName = 'qemu-x86_64'
/**
 * Where KASLR puts the new kernel, its decompressor sometimes takes ten times as long under TCG, from 0.4 to 7 s: much
 * more than what is measured here.
 */
const append = 'nokaslr'
const method = { syscall: 'kexec_load', checks: false, ifdown: true } as const

export const cycle: Benchmark = {
  name: 'cycle',
  about: `wall time of a kexec cycle on ${boardName}, from payload to proof, over that of a bare script`,
  run,
}

async function run(context: BenchContext): Promise<Row[]> {
  const { progress, signal } = context
  await using resources = new AsyncDisposableStack()
  progress('cycle: booting the board twice')
  const { session, board } = await openSession(resources, context, { board: [boardName], append })
  await session.boot()
  const qemu = (await descendants(process.pid)).find(({ name }) => name.startsWith('qemu-system'))
  if (!qemu) throw new LabError('the QEMU of the harness is not to be found in /proc')
  const raw = resources.use(await startTwin(qemu.pid, signal))
  const { descriptor } = board
  const newCommandLine = () => commandLine({ ...descriptor, nonce: newNonce() })
  const under = {
    harness: () => measure(qemu.pid, () => harnessCycle(session)),
    script: () => measure(raw.pid, () => rawCycle(raw, newCommandLine())),
  }
  // The first of each is a warm-up.
  for (const one of Object.values(under)) await one()
  const measured: Pair[] = []
  while (measured.length < pairs) {
    // Turn about, so that a machine that slows down slows both.
    const first = measured.length % 2 === 0
    const before = first ? await under.harness() : await under.script()
    const after = first ? await under.script() : await under.harness()
    measured.push(first ? { harness: before, script: after } : { harness: after, script: before })
    progress(
      `cycle: pair ${measured.length} of ${pairs}, ${measured.at(-1)!.harness.wall.toFixed(2)} s under the harness, ${measured.at(-1)!.script.wall.toFixed(2)} s under the script`,
    )
  }
  return toRows(measured)
}

async function harnessCycle(session: KexecSession): Promise<void> {
  const { failure } = await session.cycle(method)
  if (failure) throw failure
}

/** The same steps on the board: payload, load, execute, ready, and the reading of what the proof rests on. */
async function rawCycle(raw: RawBoard, append: string): Promise<void> {
  const said = await raw.ask('harness-payload; echo D$((40+2))', 'D42')
  const found = /payload kernel=(\S+) initramfs=(\S+)/.exec(said)
  if (!found) throw new LabError(`no payload on the raw board: ${said.slice(-300)}`)
  const load = loadCommand({ kernel: found[1]!, initramfs: found[2]!, append }, method)
  await raw.ask(`${load}; echo D$((40+2))`, 'D42')
  await raw.ask('kexec -e', 'HARNESS READY')
  await raw.ask(
    'cat /proc/sys/kernel/random/boot_id /proc/sys/kernel/osrelease /proc/cmdline; grep MemAvailable /proc/meminfo; echo D$((40+2))',
    'D42',
  )
}

/** Seconds: `cpu` is that of QEMU and of this process, which other programs on the host disturb less. */
type Cost = { wall: number; cpu: number }
type Pair = { harness: Cost; script: Cost }

async function measure(pid: number, step: () => Promise<void>): Promise<Cost> {
  const cpu = async () =>
    (await cpuSeconds(pid)) + process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6
  const before = { wall: performance.now() / 1000, cpu: await cpu() }
  await step()
  return { wall: performance.now() / 1000 - before.wall, cpu: (await cpu()) - before.cpu }
}

function toRows(measured: Pair[]): Row[] {
  const of = (part: keyof Cost) =>
    summarize(measured.map(({ harness, script }) => harness[part] / script[part]))
  const middle = (driver: keyof Pair, part: keyof Cost) =>
    `${summarize(measured.map((pair) => pair[driver][part])).median.toFixed(2)} s`
  const interval = (ratio: Summary) => ratio.ci95?.map((value) => value.toFixed(3)).join(' to ')
  const [wall, cpu] = [of('wall'), of('cpu')]
  const width = wall.ci95![1] - wall.ci95![0]
  const medians = (part: keyof Cost) => `medians ${middle('harness', part)} and ${middle('script', part)}`
  return [
    {
      benchmark: 'cycle',
      figure: wall.median.toFixed(3),
      bound: `≤ ${boundRatio}`,
      verdict: width > widestInterval ? 'too noisy' : verdict(wall.median <= boundRatio),
      n: `${wall.n} pairs`,
      note: `wall time, median ratio of pairs, 95 % interval ${interval(wall)}; ${medians('wall')}`,
    },
    {
      benchmark: 'cycle, CPU',
      figure: cpu.median.toFixed(3),
      bound: '',
      verdict: 'info',
      n: `${cpu.n} pairs`,
      note: `the same of CPU time, QEMU and driver together, 95 % interval ${interval(cpu)}; ${medians('cpu')}`,
    },
  ]
}
