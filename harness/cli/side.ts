/** Finds what a person names on the command line: a run's folder, a run of the history, the newest, or the baselines. */
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import { boardsWithBaseline, readBaseline } from '../history/baselines.ts'
import { type Side, sideOf } from '../history/comparison.ts'
import type { History } from '../history/history.ts'
import { takeInRuns, withHistory } from '../history/store.ts'
import { didYouMean } from '../nearest.ts'
import { tellNote } from './history.ts'
import { readRun } from './report.ts'

/** Reads the side that `name` means. Throws UsageError where there is no such thing. */
export async function findSide(name: string, results: string): Promise<Side> {
  if (name === 'baseline') return await baselineSide(results)
  const folder = await folderOf(name, results)
  if (folder) return sideOf(await readRun(folder))
  return await withHistory(results, tellNote, (history) => storedSide(name, results, history))
}

/** The baselines of all boards. */
async function baselineSide(results: string): Promise<Side> {
  const boards = await boardsWithBaseline(results)
  if (boards.length === 0)
    throw new UsageError(`no board has a baseline in ${results}`, {
      hint: 'Take a run as one with `npm run baseline -- accept RUN`.',
    })
  const groups: Side['groups'] = []
  for (const board of boards) {
    const baseline = await readBaseline(results, board)
    for (const { conditions, runs } of baseline?.groups ?? [])
      groups.push({ board, conditions, runs, kernels: [] })
  }
  return { name: 'baseline', groups }
}

async function folderOf(name: string, results: string): Promise<string | undefined> {
  for (const folder of [resolve(name), join(results, name)]) {
    const found = await stat(join(folder, 'journal.jsonl')).catch(() => undefined)
    if (found?.isFile()) return folder
  }
  return undefined
}

/** A run whose folder is gone, or whose name was not written out. */
async function storedSide(name: string, results: string, history: History): Promise<Side> {
  let runs = history.find(name)
  if (runs.length === 0) {
    await takeInRuns(results, history, tellNote)
    runs = history.find(name)
  }
  const [run] = runs
  if (!run)
    throw new UsageError(`no run ${JSON.stringify(name)}${didYouMean(name, [...history.names()])}`, {
      hint: `Name a folder of ${results}, the beginning of its name, latest, or baseline.`,
    })
  if (runs.length > 1 && run.name !== name)
    throw new UsageError(
      `${JSON.stringify(name)} is the beginning of several runs: ${runs.map((one) => one.name).join(', ')}`,
    )
  return { name: run.name, groups: history.groupsOf(run.name) }
}
