/** Where things are in a checkout, and where the project keeps what it builds. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout's root folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url))
export const boardsDir = join(root, 'boards')

/** The project's cache, which survives fresh clones: KEXEC_HARNESS_CACHE, or else in the user's cache folder. */
export function cacheDir(): string {
  return (
    process.env.KEXEC_HARNESS_CACHE ??
    join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kexec-harness')
  )
}
