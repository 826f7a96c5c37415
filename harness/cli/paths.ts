/** Where things are in a checkout. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout's root folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url))
export const boardsDir = join(root, 'boards')
