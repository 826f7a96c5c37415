/** A raw disk with one ext4 file system that holds a folder's files, which bootloaders of any age can read. */
import { constants } from 'node:fs'
import { copyFile, link, mkdir, open, readdir, realpath, rm, stat, truncate } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { LabError } from '../harness/errors.ts'
import { ensureProgram } from './host-packages.ts'
import type { Watch } from './progress.ts'

export type Ext4DiskOptions = Watch & {
  /** The folder whose files the disk gets, with the modes that they have there. */
  tree: string
  /** The disk's file, which must not be there yet. */
  file: string
  /** The file system's label. */
  label: string
  /** Whether the file system is in a bootable partition of an MBR, as firmware wants it, or is the whole disk. */
  partitioned: boolean
  /** The cache folder, for a mke2fs that this machine lacks; the project's own where it is not given. */
  cache?: string
}

const sectorBytes = 512
const mebibyte = 1024 * 1024
/** Where partitions begin since disks have sectors of 4 KiB. */
const partitionStart = mebibyte
const mke2fs = { program: 'mke2fs', packages: ['e2fsprogs'] }

/**
 * Writes the disk, sparse files sparse. What it takes is a little more than `diskBytes`. Throws LabError for what
 * this machine lacks; nothing of the disk is left then.
 */
export async function writeExt4Disk(options: Ext4DiskOptions): Promise<void> {
  const { tree, file, label, partitioned, signal } = options
  const start = partitioned ? partitionStart : 0
  const total = await diskBytes(options)
  const { path: program, env } = await ensureProgram({ ...mke2fs, ...options })
  try {
    await createDisk(file, total, partitioned ? masterBootRecord(total - start) : undefined)
    const args = [
      ...['-q', '-F', '-t', 'ext4', '-b', '4096', '-L', label, '-m', '0', '-d', tree],
      // What U-Boots of ten years ago can read, too. Without a journal: nothing is written to it.
      ...['-O', 'none,extent,filetype,sparse_super,large_file'],
      ...['-E', `offset=${start},root_owner=0:0,lazy_itable_init=0`],
      ...[file, `${(total - start) / 1024}k`],
    ]
    const result = await execa(program, args, {
      reject: false,
      env,
      ...(signal ? { cancelSignal: signal } : {}),
    })
    signal?.throwIfAborted()
    if (result.failed)
      throw new LabError(`mke2fs can't make the disk ${file}: ${result.stderr.trim() || result.shortMessage}`)
  } catch (error) {
    await rm(file, { force: true })
    throw error
  }
}

/** Bytes of a disk for the tree: what its files hold, without their holes, and the file system's own tables. */
export async function diskBytes({
  tree,
  partitioned,
}: Pick<Ext4DiskOptions, 'tree' | 'partitioned'>): Promise<number> {
  const entries = await readdir(tree, { recursive: true })
  const sizes = await Promise.all(
    entries.map(async (name) => {
      const { size, blocks } = await stat(path.join(tree, name))
      // A file system may count more blocks than a file has bytes, or none yet for one that was just written.
      return size > 64 * mebibyte ? Math.min(size, blocks * sectorBytes) : size
    }),
  )
  const total = sizes.reduce((sum, size) => sum + size, 0)
  return (partitioned ? partitionStart : 0) + Math.ceil((total * 1.05) / mebibyte + 4) * mebibyte
}

/**
 * Puts a file into a tree: a second name for it where that can be had, a copy elsewhere. Nobody may write to it.
 * Throws EEXIST: what is there already may be such a second name, which a copy would write through.
 */
export async function placeFile(from: string, to: string): Promise<void> {
  await mkdir(path.dirname(to), { recursive: true })
  // A hard link to a symbolic link would be one too, and lead nowhere from its new folder.
  const file = await realpath(from)
  const copy = () => copyFile(file, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
  await link(file, to).catch(copy)
}

async function createDisk(file: string, bytes: number, head: Buffer | undefined): Promise<void> {
  await using handle = await open(file, 'wx')
  if (head) await handle.write(head)
  await truncate(file, bytes)
}

/** One bootable Linux partition; U-Boot's distro_bootcmd looks at no other one (`part list … -bootable`). */
function masterBootRecord(partitionBytes: number): Buffer {
  const record = Buffer.alloc(sectorBytes)
  record.writeUInt32LE(0x6b65_7865, 440)
  const entry = record.subarray(446)
  const beyondCylinders = [0xfe, 0xff, 0xff]
  entry.set([0x80, ...beyondCylinders, 0x83, ...beyondCylinders])
  entry.writeUInt32LE(partitionStart / sectorBytes, 8)
  entry.writeUInt32LE(partitionBytes / sectorBytes, 12)
  record.writeUInt16LE(0xaa55, 510)
  return record
}
