/**
 * A disk that firmware boots a board from, as a real one has it: a service Linux with its menu, and beside it the
 * main kernel that the service Linux kexecs.
 */
import { createHash } from 'node:crypto'
import { copyFile, mkdir, open, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { execa } from 'execa'
import { defaultCacheFolder, inCache, mustHaveRoom, publishFolder, withTemporaryFolder } from './cache.ts'
import { type CpioEntry, cpioArchive } from './cpio.ts'
import { diskBytes, writeExt4Disk } from './ext4-disk.ts'
import { ensureProgram } from './host-packages.ts'
import type { Image } from './image-schema.ts'
import type { Watch } from './progress.ts'

export type BootDiskOptions = Watch & {
  /** What lies in /main, to be kexec'd; the service Linux itself where it is not given. */
  main?: Image
  /** The password of root: both kernels then ask for it on the console. Without one the console has a shell. */
  password?: string
  /** The cache folder; the project's own where it is not given. */
  cache?: string
}

/** Raised when the same inputs make another disk. */
const diskFormat = 1
/** File names on a disk. Distributions call the kernel so on each architecture. */
export const kernelNames = { arm64: 'Image', x86_64: 'vmlinuz', ppc64le: 'vmlinux' } as const
const consoles = { arm64: 'ttyAMA0', x86_64: 'ttyS0', ppc64le: 'hvc0' } as const
const openssl = { program: 'openssl', packages: ['openssl'] }

/**
 * Path of a raw disk in the cache, made when it is not there: an MBR with one bootable partition, ext4, labelled
 * `board`. It holds /boot/Image (vmlinuz on x86_64), /boot/service.img, /extlinux/extlinux.conf with the entries
 * `Service Linux` and `Main Linux`, /main/vmlinuz and /main/initrd.img. Debian's cloud kernels have ext4
 * built in: `mount -o ro LABEL=board /mnt`.
 * Throws LabError for what this machine lacks.
 */
export async function bootDisk(image: Image, options: BootDiskOptions = {}): Promise<string> {
  const { main = image, password, progress } = options
  const cache = options.cache ?? defaultCacheFolder()
  const accounts = password === undefined ? undefined : await passwordHash(image, password, options)
  const key = createHash('sha256')
    .update(JSON.stringify([diskFormat, image.key, main.key, accounts ?? null]))
    .digest('hex')
  const folder = inCache(cache, 'disks', `boot-${key.slice(0, 16)}`)
  await publishFolder(cache, folder, async (disk) => {
    progress?.(`build the boot disk of ${image.name}`)
    await withTemporaryFolder(cache, async (tree) => {
      await fillTree(tree, image, main, accounts)
      const file = path.join(disk, 'disk.img')
      const target = { ...options, tree, file, label: 'board', partitioned: true, cache }
      await mustHaveRoom(cache, await diskBytes(target))
      await writeExt4Disk(target)
    })
  })
  return path.join(folder, 'disk.img')
}

/** The disk's files, in a folder of the host. */
async function fillTree(tree: string, image: Image, main: Image, hash: string | undefined): Promise<void> {
  const kernel = `/boot/${kernelNames[image.arch]}`
  const at = (name: string) => path.join(tree, name)
  for (const name of ['boot', 'main', 'extlinux']) await mkdir(at(name), { mode: 0o755 })
  await copyFile(image.kernel, at(kernel))
  await copyFile(main.kernel, at('main/vmlinuz'))
  await copyInitramfs(image.initramfs, at('boot/service.img'), hash)
  await copyInitramfs(main.initramfs, at('main/initrd.img'), hash)
  await writeFile(at('extlinux/extlinux.conf'), menu(kernel, `console=${consoles[image.arch]}`))
}

/** U-Boot puts its own variables into `append`: nothing, where harness_args is not set. Its timeout is in tenths of a second. */
function menu(kernel: string, console: string): string {
  return `menu title Boot menu
timeout 50
default service
label service
  menu label Service Linux
  kernel ${kernel}
  initrd /boot/service.img
  append ${console} \${harness_args}
label main
  menu label Main Linux
  kernel /main/vmlinuz
  initrd /main/initrd.img
  append ${console} \${harness_args}
`
}

/** The kernel unpacks one archive after the other (Documentation/driver-api/early-userspace/buffer-format.rst). */
async function copyInitramfs(from: string, to: string, hash: string | undefined): Promise<void> {
  await copyFile(from, to)
  if (hash === undefined) return
  await using file = await open(to, 'r+')
  const { size } = await file.stat()
  // A cpio header begins at a multiple of four bytes.
  const start = Math.ceil(size / 4) * 4
  await file.truncate(start)
  let position = start
  for await (const chunk of Readable.from(cpioArchive(accountEntries(hash)))) {
    await file.write(chunk as Uint8Array, 0, undefined, position)
    position += (chunk as Uint8Array).length
  }
}

/** What images/guest/init takes as the sign to ask for a password. */
function accountEntries(hash: string): CpioEntry[] {
  const file = (name: string, mode: number, text: string): CpioEntry => ({
    type: 'file',
    name,
    mode,
    content: Buffer.from(text),
  })
  return [
    file('etc/passwd', 0o644, 'root:x:0:0:root:/root:/bin/dash\n'),
    file('etc/group', 0o644, 'root:x:0:\n'),
    file('etc/shadow', 0o600, `root:${hash}:19000:0:99999:7:::\n`),
  ]
}

/** As crypt(5) has it. The salt is made of the image's key, so that the same password makes the same disk. */
async function passwordHash(image: Image, password: string, options: Watch): Promise<string> {
  const { signal } = options
  const { path: program, env } = await ensureProgram({ ...openssl, ...options })
  const args = ['passwd', '-6', '-salt', image.key.slice(0, 16), '-stdin']
  const { stdout } = await execa(program, args, {
    input: `${password}\n`,
    env,
    ...(signal ? { cancelSignal: signal } : {}),
  })
  return stdout.trim()
}
