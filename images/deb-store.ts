/** Packages by what is in them: a .deb file is stored under its SHA-256, so that a stored one is the right one. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, rename } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { LabError } from '../harness/errors.ts'
import { cacheError, exists, inCache } from './cache.ts'
import type { Deb } from './control.ts'

export class DebStore {
  readonly #cache: string

  constructor(cache: string) {
    this.#cache = cache
  }

  /** Where the .deb file with that SHA-256 is, or will be. */
  pathOf(sha256: string): string {
    return inCache(this.#cache, 'debs', `${sha256}.deb`)
  }

  /** Those that are not in the store. */
  async missing(debs: readonly Deb[]): Promise<Deb[]> {
    const there = await Promise.all(debs.map(({ sha256 }) => exists(this.pathOf(sha256))))
    return debs.filter((_, index) => !there[index])
  }

  /** Moves the .deb files of a folder into the store. Throws LabError when one of the expected ones is not among them. */
  async adopt(folder: string, expected: readonly Deb[]): Promise<void> {
    const wanted = new Map(expected.map((deb) => [deb.sha256, deb]))
    try {
      await mkdir(inCache(this.#cache, 'debs'), { recursive: true })
      for (const name of await readdir(folder)) {
        const file = path.join(folder, name)
        const sha256 = await sha256OfFile(file)
        if (wanted.delete(sha256)) await rename(file, this.pathOf(sha256))
      }
    } catch (error) {
      throw cacheError(this.#cache, error)
    }
    const [lost] = wanted.values()
    if (lost) {
      throw new LabError(
        `${lost.name} ${lost.version} was downloaded, but is not what its package list says`,
        {
          hint: 'The mirror changed meanwhile: fetch its lists again with: npm run images -- --update',
        },
      )
    }
  }
}

/** SHA-256 of a file's content, hexadecimal. */
export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** Unpacks a .deb file into a folder, without running its scripts. Throws LabError: damaged, no dpkg, disk full. */
export async function unpackDeb(
  file: string,
  folder: string,
  { cache, signal }: { cache: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const result = await execa('dpkg-deb', ['-x', file, folder], {
    reject: false,
    stdin: 'ignore',
    env: { LC_ALL: 'C' },
    ...(signal ? { cancelSignal: signal } : {}),
  })
  signal?.throwIfAborted()
  if (!result.failed) return
  if (/No space left/.test(result.stderr)) throw cacheError(cache, { code: 'ENOSPC', cause: result.stderr })
  const why = result.code === 'ENOENT' ? 'there is no dpkg-deb here' : result.stderr.trim()
  throw new LabError(`${file} can't be unpacked: ${why}`, { hint: `delete it and try again: rm ${file}` })
}
