/** The cache folder: everything in it can be deleted at any time and is made again when it is needed. */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../harness/errors.ts'
import type { Watch } from './progress.ts'

/** How often a builder that waits for another one looks again. */
const lockPollMs = 200
/** Unfinished builds older than this belong to a builder that was killed. */
const abandonedAfterMs = 24 * 3600 * 1000

/** The project's cache folder: $KEXEC_HARNESS_CACHE, else $XDG_CACHE_HOME/kexec-harness, else ~/.cache/kexec-harness. */
export function defaultCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.KEXEC_HARNESS_CACHE) return path.resolve(env.KEXEC_HARNESS_CACHE)
  // The XDG specification: a relative path is invalid and must be ignored.
  const xdg = env.XDG_CACHE_HOME
  const base = xdg && path.isAbsolute(xdg) ? xdg : path.join(os.homedir(), '.cache')
  return path.join(base, 'kexec-harness')
}

/** Absolute path of something in the cache. */
export function inCache(cache: string, ...parts: string[]): string {
  return path.join(cache, ...parts)
}

/**
 * Makes `folder` by letting `build` fill an empty folder beside it and renaming that in one step, so that a folder
 * that exists is complete. An existing folder is left as it is. Throws what `build` throws, LabError for a full disk.
 */
export async function publishFolder(
  cache: string,
  folder: string,
  build: (temporary: string) => Promise<void>,
): Promise<string> {
  if (await exists(folder)) return folder
  await withTemporaryFolder(cache, async (temporary) => {
    await build(temporary)
    await mkdir(path.dirname(folder), { recursive: true })
    await rename(temporary, folder).catch((error: NodeJS.ErrnoException) => {
      // Another builder was faster, with the same content: the name is made of what is in it.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  })
  return folder
}

/** Writes a file so that it is either all there or not there at all. */
export async function publishFile(file: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  try {
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(temporary, content, { flush: true })
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw cacheError(path.dirname(file), error)
  }
}

/** Runs `use` with an empty folder in the cache that is gone afterwards. Throws LabError when the disk is full. */
export async function withTemporaryFolder<T>(
  cache: string,
  use: (temporary: string) => Promise<T>,
): Promise<T> {
  const parent = inCache(cache, 'tmp')
  const temporary = path.join(parent, `${process.pid}-${randomBytes(6).toString('hex')}`)
  try {
    await mkdir(temporary, { recursive: true })
    await removeAbandoned(parent)
    return await use(temporary)
  } catch (error) {
    throw cacheError(cache, error)
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

async function removeAbandoned(parent: string): Promise<void> {
  const oldest = Date.now() - abandonedAfterMs
  for (const name of await readdir(parent)) {
    const folder = path.join(parent, name)
    const info = await stat(folder).catch(() => undefined)
    if (info && info.mtimeMs < oldest) await rm(folder, { recursive: true, force: true })
  }
}

/** The error that a person can act on, for a file operation in the cache that failed; other errors stay as they are. */
export function cacheError(cache: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') return diskFull(cache, error)
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM' || code === 'ENOTDIR') {
    return new LabError(`the cache folder ${cache} can't be written to (${code})`, {
      hint: 'choose another folder: export KEXEC_HARNESS_CACHE=/path/to/a/folder',
      cause: error,
    })
  }
  return error
}

/** Throws LabError when the disk that holds the cache has less room than that. */
export async function mustHaveRoom(cache: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(cache)
  const megabytes = (count: number) => Math.ceil(count / 1e6)
  if (bavail * bsize >= bytes) return
  throw diskFull(
    cache,
    undefined,
    `, which has ${megabytes(bavail * bsize)} MB and needs ${megabytes(bytes)}`,
  )
}

/** The disk that holds the cache is full. */
export function diskFull(cache: string, cause?: unknown, more = ''): LabError {
  return new LabError(`no space left on the disk that holds the cache ${cache}${more}`, {
    hint: `see it with: df -h ${cache}; free some space, or export KEXEC_HARNESS_CACHE=/path/on/another/disk`,
    cause,
  })
}

/**
 * Runs `use` while no other process runs one under the same lock; waits for the other one and says so.
 * The lock is one that the kernel drops when its process dies (SQLite's, on an empty database), so a killed builder
 * leaves nothing to clear up, also when it ran in another container and its process id means nothing here.
 */
export async function withLock<T>(
  cache: string,
  name: string,
  watch: Watch,
  use: () => Promise<T>,
): Promise<T> {
  const folder = inCache(cache, 'locks')
  const holder = path.join(folder, `${name}.holder`)
  try {
    await mkdir(folder, { recursive: true })
  } catch (error) {
    throw cacheError(cache, error)
  }
  using _lock = await acquire(cache, path.join(folder, `${name}.lock`), holder, watch)
  await writeFile(holder, `process ${process.pid} on ${os.hostname()}`).catch(() => undefined)
  return await use()
}

async function acquire(cache: string, file: string, holder: string, watch: Watch): Promise<Disposable> {
  // Loaded here because it costs milliseconds that a run with everything in place need not spend.
  const { DatabaseSync } = await import('node:sqlite')
  let told = false
  for (;;) {
    watch.signal?.throwIfAborted()
    const lock = tryAcquire(() => new DatabaseSync(file, { timeout: 0 }), cache)
    if (lock) return lock
    if (!told) {
      const who = await readFile(holder, 'utf8').catch(() => 'another process')
      watch.progress?.(`wait for ${who}, which is at the same work`)
      told = true
    }
    await sleep(lockPollMs, undefined, watch.signal ? { signal: watch.signal } : {})
  }
}

function tryAcquire(
  open: () => { exec: (sql: string) => void; close: () => void },
  cache: string,
): Disposable | undefined {
  let database: ReturnType<typeof open> | undefined
  try {
    database = open()
    database.exec('BEGIN EXCLUSIVE')
    const held = database
    return { [Symbol.dispose]: () => held.close() }
  } catch (error) {
    database?.close()
    if (/locked|busy/.test((error as Error).message)) return undefined
    throw new LabError(`can't lock the cache ${cache}: ${(error as Error).message}`, {
      hint: 'is its file system full, read-only or without locks? export KEXEC_HARNESS_CACHE=/path/to/another/folder',
      cause: error,
    })
  }
}

/** Whether there is something at that path. */
export async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined
}

/** Names in a folder, sorted; none where there is no such folder. */
export async function listFolder(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort()
}
