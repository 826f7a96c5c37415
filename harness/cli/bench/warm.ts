/** What a warm start saves over a cold boot, and whether the kexec after it is any different. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { removeFolder } from '../../../qemu/sockets.ts'
import { WarmStates } from '../../board/warm-states.ts'
import { LabError } from '../../errors.ts'
import type { KexecSession } from '../../kexec/session.ts'
import { summarize } from '../../stats/summary.ts'
import { type BenchContext, type Benchmark, type Row, toCount, verdict } from './benchmark.ts'
import { cpuSeconds, descendants } from './processes.ts'
import { openSession } from './session.ts'

const boards = ['qemu-x86_64', 'qemu-aarch64']
const defaultPairs = 10
const leastRatio = 2
const recoveriesOfANight = 20
/** Where KASLR puts the new kernel, x86's decompressor takes 0.4 s or 7 s under TCG; see cycle.ts. arm64's kexec wants KASLR. */
const appendOf = (board: string) => (board === 'qemu-x86_64' ? 'nokaslr' : undefined)
const method = { syscall: 'kexec_load', checks: false, ifdown: true } as const

export const warm: Benchmark = {
  name: 'warm',
  about:
    'time from power-on to a shell that answers, of a cold boot over that of a warm start; and gaps after both',
  async run(context) {
    const rows: Row[] = []
    const pairs = toCount('--cycles', context.flags.cycles, defaultPairs)
    const chosen = context.flags.board === undefined ? boards : [context.flags.board]
    for (const board of chosen) rows.push(...(await compareStarts(board, pairs, context)))
    return rows
  },
}

async function compareStarts(name: string, pairs: number, context: BenchContext): Promise<Row[]> {
  await using resources = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'kexec-warm-'))
  resources.defer(() => removeFolder(folder))
  const flags = { board: [name], append: appendOf(name) }
  const open = (states?: WarmStates) => openSession(resources, context, flags, undefined, states)
  const boards = { cold: await open(), warm: await open(new WarmStates(folder)) }
  const measured: Pair[] = []
  // The first pair is a warm-up, and the boot that is kept.
  while (measured.length < pairs + 1) {
    const order = measured.length % 2 === 0 ? (['warm', 'cold'] as const) : (['cold', 'warm'] as const)
    const pair: Partial<Pair> = {}
    for (const kind of order) pair[kind] = await start(boards[kind])
    measured.push(pair as Pair)
    const { cold, warm } = measured.at(-1)!
    context.progress(
      `warm: ${name}, pair ${measured.length - 1} of ${pairs}: shell after ${seconds(cold.bootMs)} cold, ${seconds(warm.bootMs)} warm; gap ${seconds(cold.gapMs)} and ${seconds(warm.gapMs)}, CPU ${seconds(cold.cpuMs)} and ${seconds(warm.cpuMs)}`,
    )
  }
  return toRows(name, measured.slice(1))
}

/**
 * Milliseconds: power-on to a shell that answers; the first kexec from there, its gap, and what CPU time QEMU took for that kexec,
 * which other programs on the host disturb less.
 */
type Start = { bootMs: number; gapMs: number; totalMs: number; cpuMs: number }
type Pair = { cold: Start; warm: Start }

async function start({
  session,
  board,
}: {
  session: KexecSession
  board: AsyncDisposable & { powerOff(): Promise<void> }
}): Promise<Start> {
  const before = performance.now()
  await session.boot()
  const bootMs = performance.now() - before
  const cpuBefore = await qemuCpuSeconds()
  const { failure, phases } = await session.cycle(method)
  if (failure) throw failure
  const cpuMs = ((await qemuCpuSeconds()) - cpuBefore) * 1000
  await board.powerOff()
  return { bootMs, gapMs: phases.gapMs!, totalMs: phases.totalMs!, cpuMs }
}

function toRows(name: string, measured: readonly Pair[]): Row[] {
  const ratios = (part: keyof Start) => summarize(measured.map(({ cold, warm }) => cold[part] / warm[part]))
  const median = (kind: keyof Pair, part: keyof Start) =>
    summarize(measured.map((pair) => pair[kind][part])).median
  const both = (part: keyof Start) =>
    `medians ${seconds(median('cold', part))} cold and ${seconds(median('warm', part))} warm`
  const row = (title: string, part: keyof Start, bound: number | null): Row => {
    const { median: ratio, n, ci95 } = ratios(part)
    const interval = ci95 ? `, 95 % interval ${ci95.map((value) => value.toFixed(2)).join(' to ')}` : ''
    return {
      benchmark: title,
      figure: `${ratio.toFixed(2)} ×`,
      bound: bound === null ? '' : `≥ ${bound}`,
      verdict: bound === null ? 'info' : verdict(ratio >= bound),
      n: `${n} pairs`,
      note: `${name}: cold over warm${interval}; ${both(part)}`,
    }
  }
  const saved = (recoveriesOfANight * (median('cold', 'bootMs') - median('warm', 'bootMs'))) / 1000
  return [
    row('warm', 'bootMs', leastRatio),
    row('warm, gap', 'gapMs', null),
    row('warm, cycle', 'totalMs', null),
    row('warm, CPU', 'cpuMs', null),
    {
      ...{ benchmark: 'warm, a night', figure: `${saved.toFixed(0)} s`, bound: '', verdict: 'info' },
      n: `${recoveriesOfANight} recoveries`,
      note: `${name}: what a night with so many power cycles is shorter by`,
    },
  ]
}

/** Of the one board that is switched on. */
async function qemuCpuSeconds(): Promise<number> {
  const qemu = (await descendants(process.pid)).find(({ name }) => name.startsWith('qemu-system'))
  if (!qemu) throw new LabError('the QEMU of the board is not to be found in /proc')
  return await cpuSeconds(qemu.pid)
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}
