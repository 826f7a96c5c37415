/** States of booted machines in the cache, each with what the cold boot said: a power-on that finds its own need not boot. */
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { inCache, listFolder, mustHaveRoom, publishFolder } from '../../images/cache.ts'
import type { Line } from '../console/lines.ts'

/** About 100 MiB each. Those that were used last stay; what a run has of them it has open. */
const keptStates = 12
/** Room on the disk below which nothing is kept. */
const spareBytes = 1e9

const savedLines = z.array(z.object({ text: z.string(), cut: z.boolean() }))

export type WarmState = {
  /** QEMU's file. */
  state: string
  /** What the console showed of the cold boot, stamped with the time of the reading. */
  lines: Line[]
}

export class WarmStates {
  readonly #cache: string

  constructor(cache: string) {
    this.#cache = cache
  }

  /** The state that was kept under this name; undefined where there is none, or only part of one. */
  async find(name: string): Promise<WarmState | undefined> {
    const folder = this.#folder(name)
    const state = join(folder, 'state')
    try {
      const [text] = await Promise.all([readFile(join(folder, 'console.json'), 'utf8'), stat(state)])
      const now = new Date()
      await utimes(folder, now, now)
      const atNs = process.hrtime.bigint()
      return { state, lines: savedLines.parse(JSON.parse(text)).map((line) => ({ ...line, atNs })) }
    } catch {
      // Another process may have cleared it away, a disk may have been full, a person may have looked inside.
      return undefined
    }
  }

  /** Keeps what `save` writes into the file that it is given, and forgets what was not used for longest. Throws LabError. */
  async keep(name: string, lines: readonly Line[], save: (file: string) => Promise<void>): Promise<void> {
    await this.discard(name)
    await publishFolder(this.#cache, this.#folder(name), async (temporary) => {
      await mustHaveRoom(this.#cache, spareBytes)
      await save(join(temporary, 'state'))
      const text = JSON.stringify(lines.map(({ text, cut }) => ({ text, cut })))
      await writeFile(join(temporary, 'console.json'), text)
    })
    await this.#clear()
  }

  /** Forgets a state; nothing where there is none. */
  async discard(name: string): Promise<void> {
    const folder = this.#folder(name)
    // A folder that is half removed must not be found by the next one who looks.
    const aside = `${folder}.${process.pid}.old`
    await rename(folder, aside).catch(() => {})
    await rm(aside, { recursive: true, force: true })
  }

  #folder(name: string): string {
    return inCache(this.#cache, 'warm', name)
  }

  async #clear(): Promise<void> {
    const names = await listFolder(inCache(this.#cache, 'warm'))
    const used = await Promise.all(
      names.map(async (name) => ({
        name,
        usedMs: (await stat(this.#folder(name)).catch(() => null))?.mtimeMs,
      })),
    )
    const oldest = used.sort((a, b) => (b.usedMs ?? 0) - (a.usedMs ?? 0)).slice(keptStates)
    await Promise.all(oldest.map(({ name }) => rm(this.#folder(name), { recursive: true, force: true })))
  }
}
