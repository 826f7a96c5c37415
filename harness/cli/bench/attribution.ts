/** What it costs to take the gap apart: a cycle with breakpoints and samples against the same cycle without. */
import { observeGap } from '../../kexec/observe/observing.ts'
import type { KexecSession } from '../../kexec/session.ts'
import { summarize } from '../../stats/summary.ts'
import { type BenchContext, type Benchmark, type Row, toCount } from './benchmark.ts'
import { openSession } from './session.ts'

const boardName = 'qemu-x86_64'
const defaultPairs = 12
/** As in the benchmark `cycle`: where KASLR puts the new kernel matters more than what is measured here. */
const append = 'nokaslr'
const method = { syscall: 'kexec_load', checks: true, ifdown: true } as const

export const attribution: Benchmark = {
  name: 'attribution',
  about: `time of a kexec cycle on ${boardName} whose gap is taken apart, over that of one whose gap is not`,
  run,
}

async function run(context: BenchContext): Promise<Row[]> {
  const pairs = toCount('--cycles', context.flags.cycles, defaultPairs)
  await using resources = new AsyncDisposableStack()
  let attributes = false
  const { session } = await openSession(resources, context, { board: [boardName], append }, () => {
    const observing = observeGap()
    return { ...observing, observers: (unbind) => (attributes ? observing.observers(unbind) : []) }
  })
  const under = {
    with: () => measure(session, () => (attributes = true)),
    without: () => measure(session, () => (attributes = false)),
  }
  context.progress('attribution: booting the board, and a warm-up of each')
  await under.with()
  await under.without()
  const measured: Pair[] = []
  while (measured.length < pairs) {
    // Turn about, so that a host that slows down slows both.
    const order = measured.length % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const)
    const pair: Partial<Pair> = {}
    for (const kind of order) pair[kind] = await under[kind]()
    measured.push(pair as Pair)
    context.progress(`attribution: pair ${measured.length} of ${pairs}, ${pairText(measured.at(-1)!)}`)
  }
  return toRows(measured)
}

/** Seconds. */
type Times = {
  /** From the load to the proof, with what is typed to prepare it. */
  wall: number
  /** From the execute to ready, without the time in which the guest was stopped. */
  total: number
  gap: number
}
type Pair = { with: Times; without: Times }

async function measure(session: KexecSession, choose: () => void): Promise<Times> {
  await session.ensureRunning()
  choose()
  const started = performance.now()
  const { failure, phases } = await session.cycle(method)
  if (failure) throw failure
  const wall = (performance.now() - started) / 1000
  return { wall, total: phases.totalMs! / 1000, gap: phases.gapMs! / 1000 }
}

function pairText(pair: Pair): string {
  return `${pair.with.wall.toFixed(2)} s with attribution, ${pair.without.wall.toFixed(2)} s without`
}

const figures: [part: keyof Times, name: string, about: string][] = [
  ['wall', 'attribution', 'from load to proof: the kernel symbols are looked up, the debugger is attached'],
  ['total', 'attribution, execute to ready', 'what run.json calls totalMs'],
  ['gap', 'attribution, gap', 'what run.json calls gapMs, stops left out'],
]

function toRows(measured: readonly Pair[]): Row[] {
  return figures.map(([part, benchmark, about]) => {
    const ratio = summarize(measured.map((pair) => pair.with[part] / pair.without[part]))
    const middle = (kind: keyof Pair) => summarize(measured.map((pair) => pair[kind][part])).median.toFixed(2)
    const sure = ratio.ci95?.map((value) => value.toFixed(3)).join(' to ') ?? 'none of so few'
    return {
      benchmark,
      figure: ratio.median.toFixed(3),
      ...{ bound: '', verdict: 'info', n: `${ratio.n} pairs` },
      note: `${about}; median ratio of pairs, 95 % interval ${sure}; medians ${middle('with')} s and ${middle('without')} s`,
    }
  })
}
