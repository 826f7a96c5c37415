/** An experiment on a board's gap: cycles that differ in one thing, for boards that nothing can look into. */

import { quote } from '../../harness/console/shell.ts'
import { UnsupportedMethod } from '../../harness/kexec/cycle-errors.ts'
import { type Cannot, orderOf, planExperiment, type Reference } from '../../harness/kexec/experiment/plan.ts'
import type { Condition, GapExperiment, Observation } from '../../harness/kexec/experiment/result.ts'
import type { LoadLayout } from '../../harness/loader/kexec-debug.ts'
import { describeMethod, type LoadMethod } from '../../harness/loader/loader.ts'
import { duration } from '../../harness/quantities.ts'
import type { BoardUnderTest, RecordedCycle } from './board-under-test.ts'
import { Skip } from './skip.ts'

const mib = 1_048_576

/**
 * Runs the experiment in blocks, each of which has every condition once in an order of its own, and records what it came
 * to, also where it is broken off. Throws Skip where the board can't do any of it, or as a cycle does.
 */
export async function experimentOnGap(
  board: BoardUnderTest,
  method: LoadMethod,
  blocks: number,
): Promise<GapExperiment> {
  const seed = Date.now() % 1_000_000
  const { reference, cannot, layout } = await whatBoardCan(board, method)
  const way = { ...reference, ifdown: method.ifdown }
  const files = await sizesOf(board)
  if (files.initramfs === null) cannot.padding = 'the board loads no initramfs'
  const movedMiB = (layout ? sumOf(layout.segments.map(({ memsz }) => memsz)) : sumOf(files.all)) / mib
  const warmup = await board.kexec(way, { warmup: true })
  const { conditions, leftOut } = planExperiment(reference, cannot)
  const tooLong = longerThanAllowed(board, { gapMs: warmup.phases.gapMs, movedMiB })
  const experiment: GapExperiment = {
    ...{ reference: describeMethod(way), seed, movedMiB, movedIs: layout ? 'segments' : 'files' },
    conditions: conditions.map((one) => ({ ...one, observations: [] })),
    leftOut,
  }
  for (const one of conditions) leaveOut(experiment, one, tooLong(one))
  try {
    await runBlocks(board, experiment, { ifdown: method.ifdown, blocks })
  } finally {
    board.recordExperiment(experiment)
  }
  return experiment
}

type Abilities = { reference: Reference; cannot: Cannot; layout: LoadLayout | undefined }

/** The kernel may have either system call or both, and a loader may be told of checks or not. */
async function whatBoardCan(board: BoardUnderTest, { ifdown }: LoadMethod): Promise<Abilities> {
  const { arch, earlyConsole, append, loader, machine } = board.board.descriptor
  const why = (syscall: LoadMethod['syscall'], checks = true) =>
    whyNotLoaded(board, { syscall, checks, ifdown })
  const load = await whyNotLoaded(board, {
    ...{ syscall: 'kexec_load', checks: true, ifdown },
    options: { debug: true },
  })
  const fileLoad = (await why('kexec_file_load')).reason
  if (load.reason !== undefined && fileLoad !== undefined) throw new Skip(`${load.reason}; ${fileLoad}`)
  const syscall = load.reason === undefined ? 'kexec_load' : 'kexec_file_load'
  return {
    reference: { syscall, checks: true, earlyConsole },
    cannot: {
      unchecked: load.reason ?? (await why('kexec_load', false)).reason,
      fileLoad,
      earlyConsole: whyNoEarlyConsole(arch, append),
      otherCpus: machine?.cpus === 1 ? 'the board has one CPU' : undefined,
      crash: whyNoCrash(loader.type),
    },
    layout: load.layout,
  }
}

function whyNoEarlyConsole(arch: string, append: string): string | undefined {
  if (arch === 'ppc64le')
    return "POWER's first words show on the hypervisor's console without being asked for"
  if (/\b(earlycon|earlyprintk)\b/.test(append)) return "the descriptor's append asks for an early console"
  return undefined
}

function whyNoCrash(loader: string): string | undefined {
  return loader === 'kexec-tools' ? undefined : `${loader} loads no crash kernel`
}

/** Loads and unloads, to see whether it can be done. */
async function whyNotLoaded(
  { session }: BoardUnderTest,
  method: LoadMethod,
): Promise<{ reason?: string; layout?: LoadLayout | undefined }> {
  try {
    const { afterLoad, output, layout } = await session.loadAndUnload(method)
    if (afterLoad === false)
      return { reason: `${describeMethod(method)} is refused: ${output.split('\n').at(-1)}` }
    return { layout }
  } catch (error) {
    if (error instanceof UnsupportedMethod) return { reason: error.message }
    throw error
  }
}

/** Whether the gap's borders can be seen from outside. */
export function canBeLookedInto({ board }: BoardUnderTest): boolean {
  return board.watchBorders !== undefined
}

/** Sizes of the target's files on the board, bytes. */
async function sizesOf(board: BoardUnderTest): Promise<{ initramfs: string | null; all: number[] }> {
  const { kernel, initramfs } = await board.board.provideTarget(new AbortController().signal)
  const files = [kernel, ...(initramfs === null ? [] : [initramfs])]
  const { output } = await board.run(files.map((file) => `wc -c <${quote(file)}`).join('; '))
  return { initramfs, all: output.split('\n').map(Number).filter(Number.isFinite) }
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

/** What a gap of the reference tells of those with a larger initramfs: a cycle that takes too long would be a failure. */
function longerThanAllowed(
  { board: { descriptor } }: BoardUnderTest,
  { gapMs, movedMiB }: { gapMs: number | undefined; movedMiB: number },
): (condition: Condition) => string | undefined {
  const allowedMs = descriptor.limits.gapMs * 0.8
  return ({ checks, padMiB }) => {
    if (!checks || padMiB === 0 || gapMs === undefined) return undefined
    const expectedMs = gapMs * (1 + padMiB / movedMiB)
    if (expectedMs <= allowedMs) return undefined
    return `its gap may take ${duration(expectedMs)}, and limits.gap of the descriptor is ${duration(descriptor.limits.gapMs)}`
  }
}

function leaveOut(
  experiment: GapExperiment,
  { name, differsIn }: Condition,
  reason: string | undefined,
): void {
  if (reason === undefined) return
  experiment.conditions = experiment.conditions.filter((one) => one.name !== name)
  experiment.leftOut.push({ differsIn, reason })
}

/** Crashes come last: each takes a boot before it and leaves a kernel that can't kexec on. */
async function runBlocks(
  board: BoardUnderTest,
  experiment: GapExperiment,
  { ifdown, blocks }: { ifdown: boolean; blocks: number },
): Promise<void> {
  await inBlocks(experiment, { blocks, crash: false }, async (one, turn) => {
    const recorded = await board.kexec(...cycleOf(one, ifdown, turn))
    // What the next one's last words are seen by is this one's doing.
    if (one.append === 'quiet') await board.run('echo 7 >/proc/sys/kernel/printk')
    return recorded
  })
  await inBlocks(experiment, { blocks, crash: true }, async (one, turn) => {
    const recorded = await board.tryCrash(...cycleOf(one, true, turn))
    if (recorded.diagnosis?.kind === 'load-error') throw new Skip(recorded.failure!.message)
    if (recorded.failure) throw recorded.failure
    return recorded
  })
}

type Turn = { iteration: number; iterations: number }

/** Each block has every condition once, in an order of its own. The first block shows which of them there is no memory for. */
async function inBlocks(
  experiment: GapExperiment,
  { blocks, crash }: { blocks: number; crash: boolean },
  cycle: (one: Condition, turn: Turn) => Promise<RecordedCycle>,
): Promise<void> {
  const conditions = () => experiment.conditions.filter((one) => one.crash === crash)
  const iterations = blocks * conditions().length
  let iteration = 0
  for (let block = 1; block <= blocks; block++)
    for (const one of orderOf(conditions(), experiment.seed, block))
      try {
        one.observations.push(observationOf(block, await cycle(one, { iteration: ++iteration, iterations })))
      } catch (error) {
        if (!(error instanceof Skip)) throw error
        leaveOut(experiment, one, error.message)
      }
}

function cycleOf(
  { name, differsIn, syscall, checks, padMiB, append, earlyConsole, from }: Condition,
  ifdown: boolean,
  turn: Turn,
): Parameters<BoardUnderTest['kexec']> {
  // Ways of loading are told apart in statistics; what else differs would only blur them.
  const isWay = name === 'reference' || name === 'unchecked' || name === 'file-load'
  const condition = isWay || from === null ? undefined : differsIn
  return [
    { syscall, checks, ifdown },
    { ...turn, condition, padInitramfsMiB: padMiB, append, earlyConsole },
  ]
}

function observationOf(block: number, { cycle, phases, gap }: RecordedCycle): Observation {
  const { gapMs, startupMs, totalMs } = phases
  const { shutdownTailMs, relocationMs, purgatoryMs, decompressMs, earlyKernelMs, consoleWaitMs } = gap ?? {}
  return {
    ...{ block, cycle, gapMs, startupMs, totalMs },
    parts:
      relocationMs === undefined
        ? undefined
        : { shutdownTailMs, relocationMs, purgatoryMs, decompressMs, earlyKernelMs, consoleWaitMs },
  }
}
