/** An image whose cold boot is another kernel's: one kernel kexecs another one. */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { copyFile, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { readImage } from './build.ts'
import { defaultCacheFolder, inCache, publishFolder } from './cache.ts'
import { composedPrefix } from './compose.ts'
import { cpioArchive } from './cpio.ts'
import type { Image } from './image-schema.ts'
import type { Watch } from './progress.ts'

/** Raised when the files of such an image are laid out in another way. */
const format = 1

/**
 * The image that boots `old` and has `target` to kexec; from the first kexec on it is `target`. What is to be loaded lies in
 * /payload of the old kernel's initramfs, so that an old kernel without modules of ours has it too.
 */
export async function kexecFrom(
  old: Image,
  target: Image,
  { signal, progress, cache = defaultCacheFolder() }: Watch & { cache?: string } = {},
): Promise<Image> {
  const key = createHash('sha256')
    .update(JSON.stringify([format, old.key, target.key]))
    .digest('hex')
  const folder = inCache(cache, 'images', `${composedPrefix}${key.slice(0, 16)}`)
  await publishFolder(cache, folder, async (temporary) => {
    progress?.(`build the image that boots ${old.name} and kexecs ${target.name}`)
    const at = (name: string) => path.join(temporary, name)
    await copyFile(old.kernel, at('kernel'))
    await writeInitramfs(old, target, at('initramfs'), signal)
    const disk = target.payload.disk === null ? null : 'payload.img'
    if (disk !== null) await copyFile(target.payload.disk!, at(disk))
    const image: Image = {
      ...target,
      name: `${target.name} from ${old.name}`,
      key,
      kernel: 'kernel',
      kernelRelease: old.kernelRelease,
      initramfs: 'initramfs',
      payload: { disk },
    }
    await writeFile(at('image.json'), `${JSON.stringify(image, null, 2)}\n`)
  })
  const now = new Date()
  await utimes(folder, now, now).catch(() => undefined)
  return await readImage(folder)
}

/** images/guest/harness-payload takes what is in /payload already; the kernel unpacks one archive after another. */
async function writeInitramfs(
  old: Image,
  target: Image,
  file: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const joined = async function* () {
    yield* cpioArchive([
      { type: 'file', name: 'payload/kernel', content: { path: target.kernel } },
      { type: 'file', name: 'payload/initramfs', content: { path: target.initramfs } },
    ])
    // The old image's own initramfs, without a payload in it.
    yield* createReadStream(path.join(path.dirname(old.initramfs), 'base'), { highWaterMark: 1024 * 1024 })
  }
  await pipeline(Readable.from(joined()), createWriteStream(file), { signal })
}
