/** `npm run report -- RUN`: the reports again, from the journal alone. */
import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'
import { UsageError } from '../errors.ts'
import { finish } from './run.ts'

/** Returns the exit status of the run that the journal tells of. */
export async function report(runFolder: string): Promise<number> {
  const folder = await realpath(resolve(runFolder)).catch((cause) => {
    throw new UsageError(`no run at ${runFolder}`, {
      hint: 'Name a folder of results/, such as results/latest.',
      cause,
    })
  })
  const { status } = await finish(folder)
  return status
}
