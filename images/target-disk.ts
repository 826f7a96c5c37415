/**
 * A disk that a bootloader under test boots from: entries with command lines of their own, so that the kernel that
 * comes up proves which one was chosen, and entries that can't boot, each for a reason that is known.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { UsageError } from '../harness/errors.ts'
import { kernelNames } from './boot-disk.ts'
import { placeFile, writeExt4Disk } from './ext4-disk.ts'
import type { Image } from './image-schema.ts'
import type { Watch } from './progress.ts'
import { configFiles, type Menu, type MenuEntry, type TargetConfig } from './target-configs.ts'
import { type KernelFault, writeFaultyKernel } from './target-kernels.ts'

/** What is wrong with an entry on purpose; null: it boots. */
export type EntryFault = null | KernelFault

export type TargetEntry = {
  /** What the menu shows, another one for each entry. */
  label: string
  /** The whole kernel command line, with the entry's own nonce in it. */
  commandLine: string
  fault: EntryFault
  /** What boots by itself; the first entry where none is. */
  isDefault?: boolean
}

export type TargetDisk = {
  /** Absolute path of the raw disk. */
  path: string
  entries: readonly TargetEntry[]
  /** Deletes the disk. */
  remove(): Promise<void>
}

/** Something else on the disk: a file of the host, or what it is to hold. */
type ExtraFile = { path: string } & ({ source: string } | { content: string | Uint8Array })

export type TargetDiskOptions = Watch & {
  /** Its kernel and initramfs are what entries boot. */
  image: Image
  entries: readonly TargetEntry[]
  /** Where the disk's file goes; made where it is not there. */
  folder: string
  /** Which menus it has: those that the loader reads, as it shows the entries of each. grub where it is not given. */
  configs?: readonly TargetConfig[]
  /** How long menus wait whose loader has no time-out of its own. */
  timeoutSeconds?: number
  /** Memory of the machine, which the kernel of `too-large` exceeds. */
  memoryMiB?: number
  /** The bootloader itself, to be kexec'd back into: see `loaderFiles`. */
  loader?: { kernel: string; initramfs: string | null }
  extraFiles?: readonly ExtraFile[]
  /** false: the file system is the whole disk. */
  partitioned?: boolean
  /** The cache folder; the project's own where it is not given. */
  cache?: string
}

/** The label of the file system: `mount -o ro LABEL=target /mnt`. */
export const targetLabel = 'target'
/** Where the disk has the bootloader itself. /loader is the Boot Loader Specification's. */
export const loaderFiles = { kernel: '/bootloader/kernel', initramfs: '/bootloader/initramfs' } as const
const initramfs = '/boot/initrd.img'

/**
 * Makes a raw disk in `folder`, in about a second: ext4, in a bootable MBR partition or all of the disk. The file is
 * sparse. Throws UsageError for entries that a menu can't have, LabError for what this machine lacks.
 */
export async function makeTargetDisk(options: TargetDiskOptions): Promise<TargetDisk> {
  const { entries, folder, partitioned = true, progress } = options
  const files = menuFiles(options)
  progress?.(`build the target disk with ${entries.length} entries`)
  await mkdir(folder, { recursive: true })
  const tree = await mkdtemp(path.join(folder, 'target-'))
  const file = path.resolve(folder, `target-${randomBytes(4).toString('hex')}.img`)
  try {
    for (const { path: name, text } of files) await writeInto(tree, { path: name, content: text })
    await placeKernels(tree, options)
    if (options.loader) await placeLoader(tree, options.loader)
    for (const extra of options.extraFiles ?? []) await writeInto(tree, extra)
    options.signal?.throwIfAborted()
    await writeExt4Disk({ ...options, tree, file, label: targetLabel, partitioned })
  } finally {
    await rm(tree, { recursive: true, force: true })
  }
  return { path: file, entries, remove: () => rm(file, { force: true }) }
}

function menuFiles(options: TargetDiskOptions) {
  const { configs = ['grub'] } = options
  if (configs.includes('grub') && configs.includes('blscfg'))
    throw new UsageError('the configurations grub and blscfg are the same file')
  const menu = menuOf(options)
  return [...new Set(configs)].flatMap((config) => configFiles(config, menu))
}

/** The entries as a menu shows them. Throws UsageError where there are none, or two boot by themselves. */
export function menuOf({
  image,
  entries,
  timeoutSeconds = 5,
}: Pick<TargetDiskOptions, 'image' | 'entries' | 'timeoutSeconds'>): Menu {
  if (entries.length === 0) throw new UsageError('a target disk needs an entry')
  const defaults = entries.filter(({ isDefault }) => isDefault)
  if (defaults.length > 1)
    throw new UsageError(`${defaults.length} entries are to boot by themselves; one can`)
  return {
    entries: entries.map(({ label, commandLine, fault }): MenuEntry => {
      return { label, commandLine, kernel: kernelPath(image, fault), initramfs }
    }),
    defaultIndex: Math.max(
      entries.findIndex(({ isDefault }) => isDefault),
      0,
    ),
    timeoutSeconds,
  }
}

function kernelPath({ arch }: Image, fault: EntryFault): string {
  return `/boot/${fault ?? kernelNames[arch]}`
}

/** Puts the initramfs and each kernel that an entry names into a tree. */
export async function placeKernels(
  tree: string,
  {
    image,
    entries,
    memoryMiB = 1024,
    cache,
  }: Pick<TargetDiskOptions, 'image' | 'entries' | 'memoryMiB' | 'cache'>,
): Promise<void> {
  const at = (name: string) => path.join(tree, name)
  await placeFile(image.initramfs, at(initramfs))
  for (const fault of new Set(entries.map((entry) => entry.fault))) {
    const kernel = at(kernelPath(image, fault))
    if (fault === null) await placeFile(image.kernel, kernel)
    else await writeFaultyKernel(kernel, fault, { image, memoryMiB, cache })
  }
}

async function placeLoader(
  tree: string,
  { kernel, initramfs: archive }: { kernel: string; initramfs: string | null },
) {
  await placeFile(kernel, path.join(tree, loaderFiles.kernel))
  if (archive !== null) await placeFile(archive, path.join(tree, loaderFiles.initramfs))
}

async function writeInto(tree: string, extra: ExtraFile): Promise<void> {
  // Made absolute first, so that no .. leads out of the tree.
  const name = path.resolve('/', extra.path)
  const to = path.join(tree, name)
  try {
    if ('source' in extra) return await placeFile(extra.source, to)
    await mkdir(path.dirname(to), { recursive: true })
    await writeFile(to, extra.content, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    throw new UsageError(`the target disk has a file ${name} already`)
  }
}
