/** `npm run report -- RUN`: the reports again, from the journal alone. */
import { existsSync } from 'node:fs'
import { access, realpath } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import { historyFile } from '../history/file.ts'
import { readJournal } from '../journal/journal.ts'
import type { RunSummary } from '../journal/summary-schema.ts'
import { keepInHistory } from './history.ts'
import { finish } from './run.ts'

const hint = 'Name a folder of results/, such as results/latest.'

/** Returns the exit status of the run that the journal tells of. */
export async function report(runFolder: string): Promise<number> {
  const { status, summary, folder } = await finish(await folderOf(runFolder))
  // Only where there is one: a run that was copied elsewhere must not leave a file beside itself.
  if (existsSync(historyFile(dirname(folder)))) await keepInHistory(dirname(folder), summary)
  return status
}

/** What a run comes to, from its journal alone. Throws UsageError for what is no run's folder. */
export async function readRun(runFolder: string): Promise<RunSummary> {
  const { buildSummary } = await import('../journal/summary.ts')
  return buildSummary(await Array.fromAsync(readJournal(join(await folderOf(runFolder), 'journal.jsonl'))))
}

async function folderOf(runFolder: string): Promise<string> {
  const folder = await realpath(resolve(runFolder)).catch((cause) => {
    throw new UsageError(`no run at ${runFolder}`, { hint, cause })
  })
  await access(join(folder, 'journal.jsonl')).catch((cause) => {
    throw new UsageError(`${runFolder} is no run's folder: it has no journal.jsonl`, { hint, cause })
  })
  return folder
}
