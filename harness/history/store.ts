/** Opens the history of a results folder: made where it is missing, set aside and made again where it is broken. */
import { renameSync, statSync } from 'node:fs'
import { access, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LabError } from '../errors.ts'
import { readJournal } from '../journal/journal.ts'
import { buildSummary } from '../journal/summary.ts'
import { type RunSummary, runSummarySchema } from '../journal/summary-schema.ts'
import { historyFile } from './file.ts'
import { History } from './history.ts'
import { applicationId, schemaVersion, tables } from './schema.ts'

/** Another process that writes is waited for so long: it writes one run in a few milliseconds. */
const busyMs = 30_000

export type Tell = (sentence: string) => void

/**
 * Opens the history of a results folder, hands it to `use`, and closes it. A broken file is set aside under another name,
 * which `tell` hears, and an empty one takes its place; `use` is then called again. Throws LabError where the history can't
 * be used at all: a disk that is full, a folder that can't be written, a file of a newer harness.
 */
export async function withHistory<T>(
  results: string,
  tell: Tell,
  use: (history: History) => T | Promise<T>,
): Promise<T> {
  const file = historyFile(results)
  for (let attempt = 1; ; attempt++) {
    const before = inodeOf(file)
    try {
      using history = new History(openDatabase(file))
      return await use(history)
    } catch (error) {
      if (attempt > 2 || !isBroken(error)) throw toLabError(file, error)
      setAside(file, before, error, tell)
    }
  }
}

/** Takes in the runs of the results folder that the history does not know, as after it was lost. Returns how many. */
export async function takeInRuns(results: string, history: History, tell: Tell): Promise<number> {
  const known = history.names()
  const names = (await readdir(results).catch(() => [])).filter(
    (name) => /^\d{4}-\d\d-\d\dT/.test(name) && !known.has(name),
  )
  const summaries: RunSummary[] = []
  for (const name of names) {
    const summary = await summaryOf(join(results, name), name)
    if (summary) summaries.push(summary)
  }
  if (summaries.length === 0) return 0
  history.recordAll(summaries)
  const many = summaries.length === 1 ? 'a run' : `${summaries.length} runs`
  tell(`the history took in ${many} of ${results} that it did not know`)
  return summaries.length
}

/** A run of the folder it lies in now; undefined where its folder does not say what it was. */
async function summaryOf(folder: string, name: string): Promise<RunSummary | undefined> {
  try {
    const text = await readFile(join(folder, 'run.json'), 'utf8')
    const parsed = runSummarySchema.safeParse(JSON.parse(text))
    if (parsed.success) return { ...parsed.data, run: name }
  } catch {
    // A run that was killed has only its journal, and so has one of an older harness.
  }
  const journal = join(folder, 'journal.jsonl')
  const exists = await access(journal).then(
    () => true,
    () => false,
  )
  if (!exists) return undefined
  return { ...buildSummary(await Array.fromAsync(readJournal(journal)), { run: name }), run: name }
}

function openDatabase(file: string): DatabaseSync {
  const db = new DatabaseSync(file, { timeout: busyMs })
  try {
    // Readers and one writer don't wait for each other.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON')
    if (versionOf(db) !== schemaVersion) createTables(db, file)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function versionOf(db: DatabaseSync): number {
  return Number(db.prepare('PRAGMA user_version').get()!.user_version)
}

function createTables(db: DatabaseSync, file: string): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    // Another process may have been first.
    const version = versionOf(db)
    if (version > schemaVersion)
      throw new LabError(
        `${file} is of a newer harness (version ${version}; this one knows ${schemaVersion})`,
        {
          hint: 'Use the newer harness, or another folder with --results DIR.',
        },
      )
    if (version === 0)
      db.exec(`${tables}; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`)
    db.exec('COMMIT')
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/** Result codes of SQLite, see https://sqlite.org/rescode.html. */
const codes = {
  error: 1,
  busy: 5,
  readOnly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
}

function codeOf(error: unknown): number | undefined {
  const { errcode } = error as { errcode?: unknown }
  return typeof errcode === 'number' ? errcode & 0xff : undefined
}

/** Whether the file itself is wrong: damaged, no database, or one without our tables. */
function isBroken(error: unknown): boolean {
  const code = codeOf(error)
  if (code === codes.corrupt || code === codes.notADatabase) return true
  return code === codes.error && /no such (table|column)|already exists/.test((error as Error).message)
}

function inodeOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.ino
}

/** Renames a broken file. One that another process has set aside meanwhile is not the one that was broken. */
function setAside(file: string, broken: number | undefined, why: unknown, tell: Tell): void {
  if (inodeOf(file) !== broken) return
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-')
  const aside = `${file}.broken-${stamp}`
  try {
    renameSync(file, aside)
    // What a broken file's log holds must not be played into the new one.
    for (const part of ['-wal', '-shm'])
      if (inodeOf(`${file}${part}`) !== undefined) renameSync(`${file}${part}`, `${aside}${part}`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  tell(
    `${file} is broken (${(why as Error).message}); it is now ${aside}, and is made again from the runs' folders`,
  )
}

const words: Partial<Record<number, string>> = {
  [codes.busy]: `another process has been writing to it for more than ${busyMs / 1000} s`,
  [codes.readOnly]: 'it may not be written to by this user',
  [codes.io]: 'the disk does not take or give it',
  [codes.full]: 'the disk is full',
  [codes.cantOpen]: 'it can neither be opened nor made there',
}

function toLabError(file: string, error: unknown): unknown {
  const code = codeOf(error)
  if (code === undefined) return error
  return new LabError(`cannot use the history ${file}: ${words[code] ?? (error as Error).message}`, {
    hint: "It holds nothing but what the runs' folders say: it may be removed, and is then made again from them.",
    cause: error,
  })
}
