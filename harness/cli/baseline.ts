/** `npm run baseline -- accept|show|drop`: what a board is expected to measure. */
import { resolve } from 'node:path'
import Table from 'cli-table3'
import { median } from 'simple-statistics'
import { exitStatus, UsageError } from '../errors.ts'
import {
  acceptBaseline,
  type Baseline,
  boardsWithBaseline,
  dropBaseline,
  readBaseline,
} from '../history/baselines.ts'
import type { StoredGroup } from '../history/history.ts'
import { conditionsKey } from '../journal/measured.ts'
import { didYouMean } from '../nearest.ts'
import { visibleLine } from '../report/escape.ts'
import { duration, loaderLabel } from '../report/format.ts'
import { tellNote } from './history.ts'
import { print } from './print.ts'
import { findSide } from './side.ts'

export type BaselineFlags = { board?: string[]; add?: boolean; results: string }

/** With fewer values than this the baseline can hardly ever tell a change from chance. */
const fewCycles = 8

/** Returns the exit status. Throws UsageError for what can't be done. */
export async function baseline(action: string, runs: string[], flags: BaselineFlags): Promise<number> {
  const results = resolve(flags.results)
  if (action === 'accept') return await accept(runs.length === 0 ? ['latest'] : runs, results, flags)
  if (runs.length > 0)
    throw new UsageError(`baseline ${action} takes no run`, { hint: 'Name a board with --board NAME.' })
  if (action === 'show') return await show(results, flags.board)
  if (action === 'drop') return await drop(results, flags.board)
  throw new UsageError(
    `baseline: no action ${JSON.stringify(action)}${didYouMean(action, ['accept', 'show', 'drop'])}`,
    { hint: 'Actions: accept, show, drop.' },
  )
}

async function accept(runs: readonly string[], results: string, flags: BaselineFlags): Promise<number> {
  if (runs.includes('baseline')) throw new UsageError('the baseline is accepted already: name a run')
  const groups: StoredGroup[] = []
  for (const run of runs) groups.push(...(await findSide(run, results)).groups)
  const wanted = groups.filter(({ board }) => flags.board?.includes(board) ?? true)
  if (wanted.length === 0) {
    const of = flags.board === undefined ? '' : ` on ${flags.board.join(', ')}`
    throw new UsageError(`${runs.join(', ')} measured nothing${of} that could be accepted`, {
      hint: 'A baseline is made of cycles that passed and were proven.',
    })
  }
  for (const [board, own] of Map.groupBy(wanted, (group) => group.board)) {
    const accepted = await acceptBaseline(results, board, together(own), {
      add: flags.add ?? false,
      at: new Date(),
    })
    await print(table([accepted]))
    warnOfFew(accepted)
  }
  return exitStatus.passed
}

/** Groups of several runs under the same conditions are one group of several runs. */
function together(groups: readonly StoredGroup[]): StoredGroup[] {
  return [...Map.groupBy(groups, ({ conditions }) => conditionsKey(conditions)).values()].map((same) => ({
    ...same[0]!,
    runs: [...new Map(same.flatMap(({ runs }) => runs).map((run) => [run.run, run])).values()],
  }))
}

function warnOfFew({ board, groups }: Baseline): void {
  const most = Math.max(...groups.map(({ runs }) => cyclesOf(runs)))
  if (most < fewCycles)
    tellNote(
      `with ${most} cycles hardly any change on ${board} can be told from chance; \`npm test -- --board ${board} --suite timing --iterations 20\` makes a better baseline`,
    )
}

function cyclesOf(runs: Baseline['groups'][number]['runs']): number {
  return Math.max(0, ...phases(runs).map((phase) => valuesOf(runs, phase).length))
}

function phases(runs: Baseline['groups'][number]['runs']): string[] {
  return [...new Set(runs.flatMap(({ values }) => Object.keys(values)))]
}

function valuesOf(runs: Baseline['groups'][number]['runs'], phase: string): number[] {
  return runs.flatMap(({ values }) => values[phase] ?? [])
}

async function show(results: string, wanted: string[] | undefined): Promise<number> {
  const boards = wanted ?? (await boardsWithBaseline(results))
  const found: Baseline[] = []
  for (const board of boards) {
    const one = await readBaseline(results, board)
    if (one) found.push(one)
    else if (wanted) throw await noBaseline(results, board)
  }
  await print(found.length === 0 ? `no board has a baseline in ${results}` : table(found))
  return exitStatus.passed
}

async function drop(results: string, boards: string[] | undefined): Promise<number> {
  if (boards === undefined)
    throw new UsageError('baseline drop wants to know which board', { hint: 'Name it with --board NAME.' })
  for (const board of boards) {
    if (!(await dropBaseline(results, board))) throw await noBaseline(results, board)
    await print(`${board} has no baseline any more`)
  }
  return exitStatus.passed
}

async function noBaseline(results: string, board: string): Promise<UsageError> {
  const known = await boardsWithBaseline(results)
  return new UsageError(`${board} has no baseline in ${results}${didYouMean(board, known)}`, {
    hint: known.length === 0 ? undefined : `Boards with one: ${known.join(', ')}.`,
  })
}

function table(baselines: readonly Baseline[]): string {
  const shown = new Table({
    head: ['board', 'suite', 'kernel', 'loader', 'cycles', 'gap', 'accepted', 'runs'],
    style: { head: [], border: [], compact: true },
  })
  for (const { board, groups } of baselines)
    for (const { conditions, runs, acceptedAt } of groups) {
      const gaps = valuesOf(runs, 'gapMs')
      shown.push([
        ...[visibleLine(board, { maxLength: 40 }), conditions.suite, visibleLine(conditions.kernel ?? '-')],
        ...[loaderLabel(conditions), cyclesOf(runs), gaps.length === 0 ? '-' : duration(median(gaps))],
        ...[acceptedAt.slice(0, 10), runs.map(({ run }) => visibleLine(run)).join('\n')],
      ])
    }
  return shown.toString()
}
