/** Opens a board whose machine boots into a bootloader of the user's, with a disk of entries for it. */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Board } from '../../harness/board/board.ts'
import { isQemu } from '../../harness/board/kinds.ts'
import { targetDiskSerial } from '../../harness/board/qemu-board.ts'
import { UsageError } from '../../harness/errors.ts'
import type { LoaderFiles } from '../../harness/kexec/menu-session.ts'
import type { MenuLoader } from '../../harness/loader/menu-loader.ts'
import { loaderFiles, makeTargetDisk, type TargetDiskOptions } from '../../images/target-disk.ts'
import { openBoard, type Watch } from './open-board.ts'
import type { BoardPlan } from './plan.ts'
import { Skip } from './skip.ts'
import { type DiskEntry, targetEntries } from './target-entries.ts'

export type OpenedBootloader = { board: Board; entries: DiskEntry[]; back: LoaderFiles }

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
  const entries = targetEntries(descriptor)
  const disk = await openTargetDisk({
    ...{ image, entries, signal: watch.signal },
    configs: loader.configs,
    memoryMiB: descriptor.machine.memoryMiB,
    loader: { kernel, initramfs: initramfs ?? null },
  })
  const board = await openBoard(plan, watch, { kernel, initramfs, targetDisk: disk.path })
  const close = board[Symbol.asyncDispose].bind(board)
  board[Symbol.asyncDispose] = async () => {
    await close()
    await disk.close()
  }
  const file = (name: string) => `${mountPoint}${name}`
  const back = {
    ...{ mount, kernel: file(loaderFiles.kernel) },
    initramfs: initramfs === undefined ? null : file(loaderFiles.initramfs),
  }
  return { board, entries, back }
}

/** A disk without a name: it is gone with this process, however that ends. */
async function openTargetDisk(
  options: Omit<TargetDiskOptions, 'folder'>,
): Promise<{ path: string; close: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'kexec-target-'))
  try {
    const { path } = await makeTargetDisk({ ...options, folder })
    const handle = await open(path)
    return { path: `/proc/${process.pid}/fd/${handle.fd}`, close: () => handle.close() }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
