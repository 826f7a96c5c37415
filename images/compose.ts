/** Images with a kernel or an initramfs that a user brought. */
import { createHash } from 'node:crypto'
import { copyFile, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { UsageError } from '../harness/errors.ts'
import { readImage } from './build.ts'
import { defaultCacheFolder, inCache, publishFolder } from './cache.ts'
import { sha256OfFile } from './deb-store.ts'
import type { Image } from './image-schema.ts'
import { type GuestScript, readGuestScripts, writePayloadDisk } from './initramfs.ts'
import { inspectInitramfs } from './initramfs-file.ts'
import { inspectKernel, type KernelInfo } from './kernel-file.ts'
import { overlayFormat, writeWithOverlay } from './overlay.ts'
import type { Watch } from './progress.ts'

export type ComposeOptions = Watch & {
  /** What is used where the user brought nothing. */
  base: Image
  /** Path of a kernel: bzImage, Image, Image.gz. */
  kernel?: string | undefined
  /** Path of an initramfs. Its init has to give a root shell on the console. */
  initramfs?: string | undefined
  /** The cache folder; the project's own where it is not given. */
  cache?: string
}

/** A composed image that nobody used for so long is removed when another one is made. */
const unusedForMs = 2 * 24 * 3600 * 1000
export const composedPrefix = 'composed-'

/**
 * The base image with a user's kernel, initramfs or both. A user's kernel gets the payload disk when the base's
 * modules are for its release, and else an initramfs that carries the payload itself; so does a user's initramfs.
 * In a user's initramfs, harness-payload and kexec are in /payload/bin.
 * Throws UsageError for a file that is missing, of another kind or architecture, or damaged.
 */
export async function composeImage(options: ComposeOptions): Promise<Image> {
  const { base, kernel, initramfs, signal, progress } = options
  const cache = options.cache ?? defaultCacheFolder()
  if (kernel === undefined && initramfs === undefined) return base
  const info = kernel === undefined ? undefined : await inspectKernel(kernel, { arch: base.arch })
  if (info) refuseUnbootable(kernel!, info)
  if (initramfs !== undefined) {
    progress?.(`check ${initramfs}`)
    await inspectInitramfs(initramfs, { arch: base.arch, ...(signal ? { signal } : {}) })
  }
  const scripts = await readGuestScripts()
  const key = await composedKey(base, kernel, initramfs, scripts)
  const folder = inCache(cache, 'images', `${composedPrefix}${key.slice(0, 16)}`)
  await publishFolder(cache, folder, async (temporary) => {
    progress?.(`build the image of ${[kernel, initramfs].filter(Boolean).join(' and ')}`)
    await removeUnused(path.dirname(folder))
    await compose({ ...options, release: info?.release ?? null, scripts, key, folder: temporary })
  })
  const now = new Date()
  await utimes(folder, now, now).catch(() => undefined)
  return await readImage(folder)
}

async function composedKey(
  base: Image,
  kernel: string | undefined,
  initramfs: string | undefined,
  scripts: readonly GuestScript[],
): Promise<string> {
  const hashOf = async (file: string | undefined) => (file === undefined ? null : await sha256OfFile(file))
  const hash = createHash('sha256').update(
    JSON.stringify([
      overlayFormat,
      base.key,
      // Names are part of what reports show.
      kernel && path.basename(kernel),
      await hashOf(kernel),
      initramfs && path.basename(initramfs),
      await hashOf(initramfs),
    ]),
  )
  for (const { name, content } of scripts) hash.update(`\0${name}\0${content.length}\0`).update(content)
  return hash.digest('hex')
}

type Composition = ComposeOptions & {
  release: string | null
  scripts: readonly GuestScript[]
  key: string
  folder: string
}

async function compose(composition: Composition): Promise<void> {
  const { base, kernel, initramfs, release, scripts, key, folder, signal } = composition
  const at = (name: string) => path.join(folder, name)
  await copyFile(kernel ?? base.kernel, at('kernel'))
  const kernelRelease = kernel === undefined ? base.kernelRelease : release
  const modulesFit =
    base.payload.disk !== null && kernelRelease !== null && kernelRelease === base.kernelRelease
  const onDisk = initramfs === undefined && modulesFit
  // The initramfs as it was before it got an overlay of its own: two would not agree on the kernel.
  await copyFile(initramfs ?? besideInitramfs(base, 'base'), at('base'))
  const tools = initramfs === undefined ? undefined : besideInitramfs(base, 'tools')
  const overlay = { kernel: at('kernel'), base: at('base'), tools, scripts }
  const disk = onDisk ? await writePayloadDisk(folder, { kernel: 'kernel', initramfs: 'base' }, signal) : null
  if (!onDisk) await writeWithOverlay(overlay, at('initramfs'), signal)
  const image: Image = {
    name: [
      base.name,
      kernel && `kernel ${path.basename(kernel)}`,
      initramfs && `initramfs ${path.basename(initramfs)}`,
    ]
      .filter(Boolean)
      .join(' with '),
    arch: base.arch,
    key,
    kernel: 'kernel',
    kernelRelease,
    initramfs: disk === null ? 'initramfs' : 'base',
    payload: { disk },
    packages: base.packages,
  }
  await writeFile(at('image.json'), `${JSON.stringify(image, null, 2)}\n`)
}

/** Something else in the folder of a built image; see assemble.ts. */
function besideInitramfs(base: Image, name: string): string {
  return path.join(path.dirname(base.initramfs), name)
}

/** Kernels that are fine but that QEMU and kexec-tools can't start as they are. */
function refuseUnbootable(file: string, { format, arch }: KernelInfo): void {
  // POWER boots it: its other wrapping, zImage, is an ELF file too, and not what Debian has.
  if (format === 'vmlinux' && arch !== 'ppc64le') {
    throw new UsageError(`${file}: is a vmlinux, which kexec-tools and QEMU don't start on ${arch}`, {
      hint:
        arch === 'x86_64'
          ? 'take arch/x86/boot/bzImage of the same build'
          : 'take arch/arm64/boot/Image of the same build',
    })
  }
  if (format === 'EFI zboot') {
    throw new UsageError(
      `${file}: is a self-unpacking EFI kernel (CONFIG_EFI_ZBOOT), which only firmware can start`,
      {
        hint: 'take arch/arm64/boot/Image of the same build',
      },
    )
  }
}

async function removeUnused(images: string): Promise<void> {
  const oldest = Date.now() - unusedForMs
  for (const name of await readdir(images).catch(() => [])) {
    if (!name.startsWith(composedPrefix)) continue
    const info = await stat(path.join(images, name)).catch(() => undefined)
    if (info && info.mtimeMs < oldest) await rm(path.join(images, name), { recursive: true, force: true })
  }
}
