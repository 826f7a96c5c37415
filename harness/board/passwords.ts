/** The passwords that are typed into a board, so that they are kept out of everything that is written. */
import { readSecret } from '../secret.ts'
import type { Descriptor } from './descriptor.ts'

/** Those of its login stages. Throws LabError where one is missing, naming where it should be. */
export async function passwordsOf({ stages, name }: Descriptor): Promise<string[]> {
  const logins = stages.filter((stage) => stage.type === 'login')
  const sources = logins.flatMap(({ user, password }) => (password ? [{ user, password }] : []))
  return await Promise.all(
    sources.map(({ user, password }) => readSecret(password, `the password of ${user} on ${name}`)),
  )
}
