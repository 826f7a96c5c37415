/** Kernels and initramfs that a user names by URL and checksum: downloaded once, and kept in the cache. */
import { mkdir, open, rename, rm, stat, utimes } from 'node:fs/promises'
import { STATUS_CODES } from 'node:http'
import path from 'node:path'
import { LabError, UsageError } from '../harness/errors.ts'
import { cacheError, defaultCacheFolder, exists, inCache, listFolder, withLock } from './cache.ts'
import { sha256OfFile } from './deb-store.ts'
import { type FileUrl, isUrl, parseFileUrl } from './file-url.ts'
import { BrokenOff, requestFile } from './http-file.ts'
import { reportBytes, type Watch } from './progress.ts'

export type DownloadOptions = Watch & {
  /** The cache folder; the project's own where it is not given. */
  cache?: string
  /** A server that says nothing for so long is given up. */
  silenceMs?: number
  /** Where proxies are named: HTTP_PROXY, HTTPS_PROXY, NO_PROXY. */
  env?: NodeJS.ProcessEnv
}

const silenceMs = 30_000
/** So often a connection that broke off is taken up again, as long as each time something came. */
const maxContinuations = 10
/** A file that nobody used for so long is removed when another one is downloaded: nightly builds leave one each. */
const unusedForMs = 14 * 24 * 3600 * 1000

/** The same image with files of this host in place of URLs, downloaded where the cache does not have them. */
export async function withLocalFiles<
  T extends { kernel?: string | undefined; initramfs?: string | undefined },
>(image: T, options: DownloadOptions = {}): Promise<T> {
  const local = { ...image }
  for (const key of ['kernel', 'initramfs'] as const) {
    const text = image[key]
    if (text !== undefined && isUrl(text)) local[key] = await downloadFile(text, options)
  }
  return local
}

/**
 * Absolute path of the file at `https://HOST/FILE#sha256=…`, in the cache. It is there only if its checksum is right;
 * what a broken download has left is gone on with. Throws UsageError for a wrong URL or checksum and a file that the
 * server does not have, LabError for a network or server that fails.
 */
export async function downloadFile(text: string, options: DownloadOptions = {}): Promise<string> {
  const download = parseFileUrl(text)
  if (typeof download === 'string') throw new UsageError(`${text}: ${download}`)
  const cache = options.cache ?? defaultCacheFolder()
  const { sha256, url } = download
  const folder = inCache(cache, 'downloads', sha256)
  const file = path.join(folder, fileName(url))
  if (!(await exists(file)))
    await withLock(cache, `download-${sha256.slice(0, 16)}`, options, async () => {
      // Another process may have finished it while this one waited.
      if (await exists(file)) return
      await removeUnused(path.dirname(folder))
      await mkdir(folder, { recursive: true })
      await complete(download, path.join(folder, 'part'), options)
      await rename(path.join(folder, 'part'), file)
    }).catch((error) => {
      throw cacheError(cache, error)
    })
  const now = new Date()
  await utimes(folder, now, now).catch(() => undefined)
  return file
}

/** The last part of the URL's path, which reports show: without what a file's name should not have. */
function fileName(url: URL): string {
  const last = url.pathname.split('/').at(-1) ?? ''
  const name = last.replaceAll(/%[0-9a-f]{2}|[^\w.+-]/gi, '_').slice(0, 100)
  return /^[.]*$/.test(name) || name === 'part' ? 'file' : name
}

/** Downloads what `part` does not have yet, and checks it. */
async function complete(download: FileUrl, part: string, options: DownloadOptions): Promise<void> {
  const { sha256, shown } = download
  const left = await sizeOf(part)
  await fill(download, part, options)
  let found = await sha256OfFile(part)
  if (found !== sha256 && left > 0) {
    // The server may have another file now than when the download began.
    await rm(part)
    await fill(download, part, options)
    found = await sha256OfFile(part)
  }
  if (found === sha256) return
  await rm(part)
  throw new UsageError(`${shown}: its sha256 is ${found}, expected was ${sha256}`, {
    hint: 'Has the file been built anew? Then give the new checksum; else it is not the file that was meant.',
  })
}

/** Fills `part` to its end, however often the connection breaks off. */
async function fill(download: FileUrl, part: string, options: DownloadOptions): Promise<void> {
  for (let continuations = 0; ; continuations++) {
    const before = await sizeOf(part)
    try {
      return await append(download, part, before, options)
    } catch (error) {
      options.signal?.throwIfAborted()
      if (!(error instanceof BrokenOff)) throw error
      const now = await sizeOf(part)
      if (now <= before || continuations === maxContinuations) throw broken(download, error, now)
      options.progress?.(`download ${download.shown}: ${error.message}; going on at ${now} bytes`)
    }
  }
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0
}

function broken({ shown }: FileUrl, error: BrokenOff, bytes: number): LabError {
  const got = bytes === 0 ? '' : ` after ${bytes} bytes`
  return new LabError(`${shown}: can't be downloaded: ${error.message}${got}`, {
    hint: 'Try it by hand: curl -fLO URL. Behind a proxy: export HTTPS_PROXY=http://PROXY:PORT',
    cause: error,
  })
}

async function append(
  { url, shown }: FileUrl,
  part: string,
  before: number,
  { progress, signal, silenceMs: limitMs = silenceMs, env = process.env }: DownloadOptions,
): Promise<void> {
  using answer = await requestFile(url, { from: before, silenceMs: limitMs, env, signal })
  const { status, bytes, body } = answer
  // Nothing is left, or what is there is too much: the checksum tells.
  if (status === 416 && before > 0) return
  if (status !== 200 && status !== 206) throw refused(shown, status)
  // A server that does not know ranges sends all of it again.
  const goesOn = status === 206
  await using file = await open(part, goesOn ? 'a' : 'w')
  let done = goesOn ? before : 0
  const report = bytes === undefined ? undefined : reportBytes(progress, `download ${shown}`, done + bytes)
  for await (const chunk of body) {
    await file.writeFile(chunk)
    done += chunk.length
    report?.(done)
  }
}

function refused(shown: string, status: number): UsageError | LabError {
  const message = `${shown}: the server answers ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd()
  // What it does not have, or not for us, was written wrong; the rest is the server's or the way's to it.
  if ([401, 403, 404, 410].includes(status))
    return new UsageError(message, { hint: 'Is the URL right? Can this machine read it without a login?' })
  return new LabError(message, { hint: 'Try again later, or download it by hand and give its path.' })
}

async function removeUnused(downloads: string): Promise<void> {
  const oldest = Date.now() - unusedForMs
  for (const name of await listFolder(downloads)) {
    const folder = path.join(downloads, name)
    const info = await stat(folder).catch(() => undefined)
    if (info && info.mtimeMs < oldest) await rm(folder, { recursive: true, force: true })
  }
}
