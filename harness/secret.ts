/** Secrets: a descriptor says where one is, and only what needs it asks for it. */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { LabError } from './errors.ts'
import { oneLine } from './values.ts'

/** Where a secret is: `{ env: JUNO_PASSWORD }` or `{ file: /run/secrets/juno }`. Never the secret itself. */
export const secretSource = z
  .union([
    z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }),
    z.strictObject({ file: oneLine }),
  ])
  .meta({
    title: 'where a secret is: { env: NAME } or { file: PATH }',
    examples: [{ env: 'JUNO_PASSWORD' }],
  })
export type SecretSource = z.infer<typeof secretSource>

/**
 * Reads a secret; a file's last line end is not part of it.
 * Throws LabError where it is not there, saying where it was looked for and never what was found.
 */
export async function readSecret(source: SecretSource, what: string, env = process.env): Promise<string> {
  if ('env' in source) {
    const value = env[source.env]
    if (value) return value
    throw new LabError(`${what} is not there: the environment variable ${source.env} is not set`, {
      hint: `Set it where the run is started, as in: ${source.env}=… npm test`,
    })
  }
  let text: string
  try {
    text = (await readFile(source.file, 'utf8')).replace(/\r?\n$/, '')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new LabError(`${what} can't be read from ${source.file}: ${code}`, {
      hint: 'The file holds the secret and nothing else; who runs the harness has to be able to read it.',
      cause,
    })
  }
  if (text !== '' && !/[\u0000-\u001f\u007f]/.test(text)) return text
  throw new LabError(`${what} in ${source.file} is ${text === '' ? 'empty' : 'more than one line of text'}`)
}
