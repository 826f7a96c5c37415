import { join } from 'node:path'

/** Where the history of a results folder is. */
export function historyFile(results: string): string {
  return join(results, 'history.sqlite')
}
