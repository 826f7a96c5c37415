/** `npm run schema`: writes the JSON Schemas that are part of the project. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeJsonSchema } from '../board/descriptor.ts'
import { runJsonSchema } from '../journal/summary-schema.ts'
import { boardsDir, root } from './paths.ts'

/** Returns the exit status. */
export async function schema(): Promise<number> {
  const runSchema = join(root, 'harness', 'journal', 'run.schema.json')
  await writeFile(runSchema, `${JSON.stringify(runJsonSchema(), null, 2)}\n`)
  console.log(await writeJsonSchema(boardsDir))
  console.log(runSchema)
  return 0
}
