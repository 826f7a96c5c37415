/** What an experiment on a board's gap came to, in words that say what to do. */
import type { BoardSummary, RunSummary } from '../journal/summary-schema.ts'
import type { Estimate, EstimateName } from '../kexec/experiment/result.ts'
import { visibleLine } from './escape.ts'
import { duration, number, percent } from './format.ts'

export type Experiment = BoardSummary['experiments'][number]

export const estimateLabels: Record<EstimateName, string> = {
  purgatory: "purgatory's digest",
  relocation: 'relocation',
  consoleWait: 'console wait',
  rest: 'rest',
  syscall: 'kexec_file_load instead',
  crashKernel: 'a crash kernel instead',
  secondaryCpus: 'other CPUs',
  consoleText: 'kernel messages',
}

/** Which estimates are stretches of the gap; the others are differences, or lie after it. */
export function isOfGap({ name }: Estimate): boolean {
  return name === 'purgatory' || name === 'relocation' || name === 'rest'
}

/** Lines for a terminal; nothing where no experiment was done. */
export function experimentLines({ boards }: RunSummary): string[] {
  return boards.flatMap(({ name, experiments }) =>
    experiments.flatMap((one) => [
      `gap of ${visibleLine(name, { maxLength: 40 })}, ${visibleLine(one.reference)}: ${duration(one.gapMs)} (${basis(one)})`,
      ...sentences(one).map((sentence) => `  ${visibleLine(sentence, { maxLength: 1000 })}`),
    ]),
  )
}

/** What the numbers rest on. */
export function basis({ cycles, blocks }: Experiment): string {
  return `told from ${cycles} cycles that differ in one thing, in ${blocks === 1 ? 'one block, which tells nothing of their spread: more --iterations do' : `${blocks} blocks`}`
}

/** One sentence an estimate, and one for each condition that the board can't do. */
export function sentences(experiment: Experiment): string[] {
  return [
    ...experiment.estimates.map((one) => sentence(one, experiment)),
    ...experiment.leftOut.map(({ differsIn, reason }) => `not varied: ${differsIn}, since ${reason}`),
  ]
}

function sentence(one: Estimate, experiment: Experiment): string {
  const beside = one.direct ? ` [at the gap's borders: ${signed(one.direct.ms)}, ${offText(one)}]` : ''
  if (one.told) return `${words[one.name](one, experiment)}${beside}`
  return `${estimateLabels[one.name]} can't be told from nothing: ${signed(one.ms)} (${plusMinus(one)})${beside}`
}

const words: Record<EstimateName, (one: Estimate, experiment: Experiment) => string> = {
  purgatory: (one, experiment) =>
    `purgatory's digest costs ${costs(one, experiment)}; load with --no-checks${fileLoadHelps(experiment) ? ', or use kexec_file_load' : ''}`,
  relocation: (one, experiment) =>
    experiment.withDigest
      ? `relocation costs ${costs(one, experiment)}, with a digest where this system call has one; a smaller initramfs costs less`
      : `relocation costs ${costs(one, experiment)}; a smaller initramfs costs less`,
  consoleWait: (one) =>
    `without an early console the gap is ${signed(one.ms)} (${plusMinus(one)}) longer: until its driver is there the kernel's first words wait`,
  rest: (one) =>
    `${signed(one.ms)} (${plusMinus(one)}) is in what no cycle varied: end of the shutdown, decompressor, early kernel`,
  syscall: (one) =>
    `kexec_file_load's gap is ${duration(Math.abs(one.ms))} (${plusMinus(one)}) ${one.ms < 0 ? 'shorter' : 'longer'}`,
  crashKernel: (one) =>
    `a crash kernel's gap is ${duration(Math.abs(one.ms))} (${plusMinus(one)}) ${one.ms < 0 ? 'shorter: it lies where it runs, nothing is relocated, and no device is shut down' : 'longer, though nothing is relocated'}`,
  secondaryCpus: (one) =>
    `with one CPU (maxcpus=1) the startup after the gap is ${duration(Math.abs(one.ms))} (${plusMinus(one)}) ${one.ms > 0 ? 'shorter: so much the others cost' : 'longer: so much the others save'}`,
  consoleText: (one) =>
    `with quiet it is ${duration(Math.abs(one.ms))} (${plusMinus(one)}) ${one.ms > 0 ? 'less' : 'more'} from execute to ready${one.ms > 0 ? ': so long the console takes for what the kernel prints' : ''}`,
}

function costs(one: Estimate, { movedMiB, movedIs }: Experiment): string {
  const amount = movedMiB === null ? '' : ` for ${size(movedMiB)}${movedIs === 'files' ? ' of files' : ''}`
  const each = one.perMiB?.told ? `: ${duration(one.perMiB.ms)} a MiB` : ''
  return `${signed(one.ms)} (${plusMinus(one)})${amount}${each}`
}

function fileLoadHelps({ estimates }: Experiment): boolean {
  return estimates.some(({ name, ms, told }) => name === 'syscall' && told && ms < 0)
}

/** How far an estimate is from what the borders showed; empty where nothing was seen of them. */
export function offText({ ms, direct }: Estimate): string {
  if (direct === null) return ''
  const share = (rate: number) => percent(Number(rate.toPrecision(2)))
  const ofItself = direct.ms > 0 ? `, ${share(Math.abs(ms - direct.ms) / direct.ms)} of itself` : ''
  return `off by ${share(direct.offOfGap)} of the gap${ofItself}`
}

/** MiB as a person says it. */
function size(mib: number): string {
  return `${number(Number(mib.toPrecision(3)))} MiB`
}

/** The larger distance to an end of the 95 % interval. */
export function plusMinus({ ms, ci95 }: Pick<Estimate, 'ms' | 'ci95'>): string {
  return ci95 === null
    ? 'one cycle of each: no interval'
    : `±${duration(Math.max(ci95[1] - ms, ms - ci95[0]))}`
}

/** A duration that noise may have made negative. */
export function signed(ms: number): string {
  return `${ms < 0 ? '-' : ''}${duration(Math.abs(ms))}`
}
