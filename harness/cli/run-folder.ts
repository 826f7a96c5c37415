/** The folders of runs: each run gets one of its own, and results/latest points to the newest. */
import { mkdirSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type HarnessError, LabError, UsageError } from '../errors.ts'

/** File systems allow 255 bytes; room is left for a number. */
const longestName = 150

/**
 * Makes the folder of a run that starts now, with console/ in it, and points `latest` to it.
 * Throws UsageError where `results` is no folder, LabError where it can't be written.
 */
export function createRunFolder(results: string, boards: readonly string[]): string {
  const stamp = new Date()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-')
  const name = `${stamp}-${boards.join('+')}`.slice(0, longestName)
  makeResultsFolder(results)
  try {
    const own = makeNewFolder(results, name)
    mkdirSync(join(results, own, 'console'))
    pointLatest(results, own)
    return join(results, own)
  } catch (error) {
    throw cannotMake(results, error)
  }
}

/** Makes a folder and those above it. Throws UsageError where something on the way is no folder, else LabError. */
export function makeResultsFolder(folder: string): void {
  try {
    makeFolders(folder)
  } catch (error) {
    throw cannotMake(folder, error)
  }
}

/** Node's own recursive mkdir never returns where an existing folder answers ENOENT, as those of /proc do. */
function makeFolders(folder: string): void {
  try {
    mkdirSync(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && isFolder(folder)) return
    if (code !== 'ENOENT' || isFolder(dirname(folder))) throw error
    makeFolders(dirname(folder))
    makeFolders(folder)
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

/** Two runs may start in the same second: mkdir gives each name to one of them. */
function makeNewFolder(results: string, name: string): string {
  for (let attempt = 1; ; attempt++) {
    const candidate = attempt === 1 ? name : `${name}-${attempt}`
    try {
      mkdirSync(join(results, candidate))
      return candidate
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** Replaces the link in one step, so that runs that start together don't see it missing. */
function pointLatest(results: string, name: string): void {
  const temporary = join(results, `.latest-${name}`)
  try {
    symlinkSync(name, temporary)
    renameSync(temporary, join(results, 'latest'))
  } catch (error) {
    rmSync(temporary, { force: true })
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error
    console.error(
      `note: ${join(results, 'latest')} does not point to this run: ${(error as Error).message.split(',')[0]}`,
    )
  }
}

const words: Partial<Record<string, string>> = {
  EACCES: 'it may not be written to by this user',
  EROFS: 'it is on a read-only file system',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'no folder can be made there',
}

function cannotMake(results: string, cause: unknown): HarnessError {
  const { code = '', message } = cause as NodeJS.ErrnoException
  if (code === 'EEXIST' || code === 'ENOTDIR')
    return new UsageError(`--results ${results}: a file is in the way, expected a folder`, {
      hint: 'Name a folder; it is made where there is none.',
      cause,
    })
  if (code === 'ENAMETOOLONG')
    return new UsageError('--results: the path is too long', { hint: 'Name a shorter one.', cause })
  return new LabError(`cannot make a folder for the run in ${results}: ${words[code] ?? message}`, {
    hint:
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'Free some space, or choose another folder with --results DIR.'
        : 'Choose another folder with --results DIR.',
    cause,
  })
}
