/** Opens a board whose machine boots into a bootloader of the user's, with a disk of entries for it. */
import { rmSync } from 'node:fs'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Board } from '../../harness/board/board.ts'
import { isQemu } from '../../harness/board/kinds.ts'
import { type Bootloader, targetDiskSerial } from '../../harness/board/qemu-board.ts'
import { UsageError } from '../../harness/errors.ts'
import type { LoaderFiles } from '../../harness/kexec/menu-session.ts'
import type { MenuLoader } from '../../harness/loader/menu-loader.ts'
import type { TargetConfig } from '../../images/target-configs.ts'
import { loaderFiles, makeTargetDisk, type TargetDiskOptions } from '../../images/target-disk.ts'
import { makeTargetTftp, type TargetTftpOptions } from '../../images/target-tftp.ts'
import { openBoard, type Watch } from './open-board.ts'
import type { BoardPlan } from './plan.ts'
import { Skip } from './skip.ts'
import { type DiskEntry, targetEntries } from './target-entries.ts'

export type OpenedBootloader = {
  board: Board
  entries: DiskEntry[]
  back: LoaderFiles
  /** The kernel that entries without a fault boot. */
  kernel: string
  /** What the machine is started with, from the next power-on on. */
  bootloader: Bootloader
  /** Puts in a disk that has one configuration alone, or, without one, the first disk again: from the next power-on on. */
  insertDisk(config?: TargetConfig): Promise<void>
}

const mountPoint = '/run/target'
/** The main Linux's initramfs has no udev: the disk is found by its serial number. */
const mount = [
  `mkdir -p ${mountPoint}`,
  `for s in /sys/block/*/serial; do [ "$(cat $s)" = ${targetDiskSerial} ] || continue; d=\${s%/serial}; mount -t ext4 -o ro /dev/\${d##*/}1 ${mountPoint}; done`,
  `[ -s ${mountPoint}${loaderFiles.kernel} ]`,
].join('; ')

/** Throws Skip where the user gave no image of the bootloader, LabError for what this machine lacks. */
export async function openBootloader(
  plan: BoardPlan,
  loader: MenuLoader,
  watch: Watch,
): Promise<OpenedBootloader> {
  const { descriptor, image } = plan
  if (!isQemu(descriptor) || !image)
    throw new UsageError(`${descriptor.name} can't be given a disk with entries: that takes a QEMU board`)
  const { kernel, initramfs } = descriptor.image
  if (kernel === undefined)
    throw new Skip(
      `no image of ${loader.name} was given: --kernel FILE --initramfs FILE; docs/loaders/${descriptor.loader.type}.md says how to get one`,
    )
  const entries = targetEntries(descriptor, loader.entriesFrom)
  const common = { image, entries, signal: watch.signal, memoryMiB: descriptor.machine.memoryMiB }
  const media = await openMedia(loader, { ...common, loader: { kernel, initramfs: initramfs ?? null } })
  await using opening = new AsyncDisposableStack()
  opening.use(media)
  const board = await openBoard(plan, watch, media.bootloader)
  opening.move()
  const close = board[Symbol.asyncDispose].bind(board)
  board[Symbol.asyncDispose] = async () => {
    await close()
    await media[Symbol.asyncDispose]()
  }
  const { bootloader, insertDisk } = media
  const file = (name: string) => `${mountPoint}${name}`
  const back = {
    ...{ mount, kernel: file(loaderFiles.kernel) },
    initramfs: initramfs === undefined ? null : file(loaderFiles.initramfs),
  }
  return { board, entries, back, kernel: image.kernel, bootloader, insertDisk }
}

type Media = AsyncDisposable & Pick<OpenedBootloader, 'insertDisk'> & { bootloader: Bootloader }

/** Makes what the machine boots from. The board reads `bootloader` at each power-on. */
async function openMedia(
  { configs, entriesFrom }: MenuLoader,
  options: Omit<TargetDiskOptions, 'folder' | 'loader'> & Required<Pick<TargetDiskOptions, 'loader'>>,
): Promise<Media> {
  await using making = new AsyncDisposableStack()
  const good = options.entries.filter(({ fault }) => fault === null)
  const byTftp = entriesFrom === 'tftp'
  // Without a menu it still has the bootloader itself, to be kexec'd back into.
  const entries = byTftp ? good : options.entries
  const disk = making.use(await openTargetDisk({ ...options, entries, configs }))
  const tftp = byTftp ? making.use(await openTftp(options)) : undefined
  const { kernel, initramfs } = options.loader
  const bootloader: Bootloader = {
    ...{ kernel, initramfs: initramfs ?? undefined },
    ...{ targetDisk: disk.path, tftp: tftp?.path },
  }
  const made = making.move()
  const insertDisk = async (config?: TargetConfig) => {
    bootloader.targetDisk = disk.path
    if (config === undefined) return
    const other = await openTargetDisk({ ...options, entries: good, configs: [config] })
    bootloader.targetDisk = made.use(other).path
  }
  return { bootloader, insertDisk, [Symbol.asyncDispose]: () => made.disposeAsync() }
}

type Opened = AsyncDisposable & { path: string }

/** A disk without a name: it is gone with this process, however that ends. */
async function openTargetDisk(options: Omit<TargetDiskOptions, 'folder'>): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'kexec-target-'))
  try {
    const { path } = await makeTargetDisk({ ...options, folder })
    const handle = await open(path)
    return {
      path: `/proc/${process.pid}/fd/${handle.fd}`,
      [Symbol.asyncDispose]: () => handle.close(),
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A server needs names, so that an interrupted run has to take the folder away as its process ends. */
async function openTftp(options: Omit<TargetTftpOptions, 'folder'>): Promise<Opened> {
  const { path, remove } = await makeTargetTftp({ ...options, folder: tmpdir() })
  const onExit = () => rmSync(path, { recursive: true, force: true })
  process.once('exit', onExit)
  return {
    path,
    async [Symbol.asyncDispose]() {
      process.off('exit', onExit)
      await remove()
    },
  }
}
