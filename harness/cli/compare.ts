/** `npm run compare -- A B`: what got slower or faster between two runs, or between the baselines and a run. */
import { resolve } from 'node:path'
import { loadDescriptor } from '../board/descriptor.ts'
import { durationMs } from '../duration.ts'
import { exitStatus, UsageError } from '../errors.ts'
import { type ComparedPhase, compareSides, type Side } from '../history/comparison.ts'
import { takeInRuns, withHistory } from '../history/store.ts'
import { comparisonJson, comparisonReport, type Told } from '../report/comparison.ts'
import { terminalOptions } from '../report/table.ts'
import { defaultThresholds, type Thresholds } from '../stats/compare.ts'
import { commonText, thresholdsOf } from './gate.ts'
import { tellNote } from './history.ts'
import { boardsDir } from './paths.ts'
import { print } from './print.ts'
import { findSide } from './side.ts'

export type CompareFlags = { board?: string[]; threshold?: string; results: string; json?: boolean }

/** Returns 1 where something got slower, else 0. Throws UsageError where there is nothing to compare. */
export async function compare(
  fromName: string,
  toName: string | undefined,
  flags: CompareFlags,
): Promise<number> {
  const results = resolve(flags.results)
  const wanted = flags.threshold === undefined ? undefined : toThresholds(flags.threshold)
  const from = only(await findSide(fromName, results), flags.board)
  const to = only(await findSide(toName ?? 'latest', results), flags.board)
  const thresholds = await thresholdsByBoard(to, wanted)
  const rows = compareSides(from, to, (board) => thresholds.get(board) ?? defaultThresholds)
  if (rows.length === 0) throw nothingInCommon(from, to)
  for (const text of new Set(rows.flatMap((row) => movedText(row, thresholds)))) tellNote(text)
  const told: Told = { from, to, rows: await withSince(rows, results), thresholds }
  await print(
    flags.json
      ? comparisonJson(told)
      : comparisonReport(told, terminalOptions(process.stdout, process.env)).trimEnd(),
  )
  return rows.some(({ verdict }) => verdict === 'slower') ? exitStatus.failed : exitStatus.passed
}

function movedText(
  { board, commonShare }: ComparedPhase,
  thresholds: ReadonlyMap<string, Thresholds>,
): string[] {
  const text = commonText(board, commonShare, thresholds.get(board) ?? defaultThresholds)
  return text === undefined ? [] : [text]
}

function only(side: Side, boards: readonly string[] | undefined): Side {
  if (boards === undefined) return side
  return { ...side, groups: side.groups.filter(({ board }) => boards.includes(board)) }
}

function nothingInCommon(from: Side, to: Side): UsageError {
  const boards = ({ groups }: Side) => [...new Set(groups.map(({ board }) => board))].join(', ')
  const of = (side: Side) =>
    `${side.name} ${side.groups.length === 0 ? 'measured nothing' : `measured ${boards(side)}`}`
  return new UsageError(`nothing to compare: ${of(from)}, ${of(to)}`, {
    hint: 'Two runs are compared where they measured the same board in the same suite, under conditions that differ in one at most.',
  })
}

/** `5%`, `20ms` or both of them: what a change has to exceed. Throws UsageError. */
export function toThresholds(text: string, flag = '--threshold'): Thresholds {
  let { share, ms } = { share: 0, ms: 0 }
  for (const part of text.split(',').map((one) => one.trim())) {
    const percent = /^(\d+(?:\.\d+)?)\s*%$/.exec(part)?.[1]
    const time = percent === undefined ? durationMs(part) : undefined
    if (percent !== undefined) share = Number(percent) / 100
    else if (time !== undefined) ms = time
    else
      throw new UsageError(
        `${flag} wants a share, a duration or both, such as 5%,20ms, not ${JSON.stringify(text)}`,
      )
  }
  return { share, ms }
}

/** What the boards' descriptors say, where they are still there. */
async function thresholdsByBoard(
  { groups }: Side,
  wanted: Thresholds | undefined,
): Promise<Map<string, Thresholds>> {
  const all = new Map<string, Thresholds>()
  for (const { board } of groups) {
    if (all.has(board)) continue
    const own = async () => thresholdsOf(await loadDescriptor(board, boardsDir).catch(() => ({})))
    all.set(board, wanted ?? (await own()))
  }
  return all
}

/** Since which run each slower phase has been slow, as far as the history goes. */
async function withSince(rows: readonly ComparedPhase[], results: string): Promise<Told['rows']> {
  const none = rows.map((row) => ({ ...row, since: null }))
  if (!rows.some(({ verdict }) => verdict === 'slower')) return none
  try {
    return await withHistory(results, tellNote, async (history) => {
      await takeInRuns(results, history, tellNote)
      return rows.map((row) => {
        const { verdict, differs, from, to, between } = row
        if (verdict !== 'slower' || differs || !between.after || !between.before)
          return { ...row, since: null }
        const range = { after: between.after, before: between.before }
        const first = history.slowSince(row, { fromMs: from.median, toMs: to.median, ...range })
        return { ...row, since: first?.run ?? row.runs.to[0] ?? null }
      })
    })
  } catch (error) {
    tellNote(`the history does not say since when: ${(error as Error).message}`)
    return none
  }
}
