/** `npm run report -- RUN`: the reports again, from the journal alone. */
import { access, realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import { finish } from './run.ts'

/** Returns the exit status of the run that the journal tells of. */
export async function report(runFolder: string): Promise<number> {
  const hint = 'Name a folder of results/, such as results/latest.'
  const folder = await realpath(resolve(runFolder)).catch((cause) => {
    throw new UsageError(`no run at ${runFolder}`, { hint, cause })
  })
  await access(join(folder, 'journal.jsonl')).catch((cause) => {
    throw new UsageError(`${runFolder} is no run's folder: it has no journal.jsonl`, { hint, cause })
  })
  const { status } = await finish(folder)
  return status
}
