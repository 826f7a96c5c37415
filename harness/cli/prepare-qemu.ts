/** What a QEMU machine needs, whether it is a board of its own or one on the bench rig: QEMU, an accelerator, an image. */
import { defaultCacheFolder } from '../../images/cache.ts'
import { ensureProgram } from '../../images/host-packages.ts'
import { composeImage, type Image, resolveImage } from '../../images/image.ts'
import { chooseAccelerator } from '../../qemu/accelerator.ts'
import type { QemuArch } from '../../qemu/arguments.ts'
import type { Descriptor } from '../board/descriptor.ts'
import { hasMenu } from '../board/loader-types.ts'
import type { BoardMachine } from '../board/machine-schema.ts'
import type { QemuChoice } from '../board/qemu-board.ts'
import type { Progress } from './progress.ts'

/** The programs that run QEMU boards, and Debian's packages of them. */
export const qemuPrograms = {
  x86_64: { program: 'qemu-system-x86_64', packages: ['qemu-system-x86'] },
  arm64: { program: 'qemu-system-aarch64', packages: ['qemu-system-arm', 'ipxe-qemu'] },
  ppc64le: { program: 'qemu-system-ppc64', packages: ['qemu-system-ppc'] },
}

/** Recipes whose initramfs serves a user's kernel. */
export const defaultRecipes = {
  x86_64: 'bookworm-cloud-amd64',
  arm64: 'bookworm-cloud-arm64',
  ppc64le: 'bookworm-ppc64le',
}

type Watch = { progress: Progress; signal: AbortSignal }
/** A board whose machine is QEMU's, wherever its console is. */
export type WithMachine = Descriptor & { arch: QemuArch; machine: BoardMachine }

/** The QEMU that runs machines of a descriptor's architecture, installed or unpacked where it was missing. */
export async function chooseQemu({ arch, machine }: WithMachine, watch: Watch): Promise<QemuChoice> {
  const program = await ensureProgram({ ...qemuPrograms[arch], ...watch })
  const { cpu, accelerator } = machine
  const { signal } = watch
  const choice = await chooseAccelerator(program, arch, accelerator, defaultCacheFolder(), { cpu, signal })
  return { program, accelerator: choice.accelerator, reason: choice.reason }
}

/** What the machine boots; null where its firmware boots the descriptor's disk. */
export async function prepareImage(
  { image, arch, loader }: WithMachine,
  watch: Watch,
): Promise<Image | null> {
  // A bootloader's own kernel and initramfs are booted as they are; the recipe is what its disk has.
  if (hasMenu(loader)) return await resolveImage(image.recipe ?? defaultRecipes[arch], { arch, ...watch })
  if (image.disk !== undefined && image.recipe === undefined && image.kernel === undefined) return null
  const base = await resolveImage(image.recipe ?? defaultRecipes[arch], { arch, ...watch })
  const { kernel, initramfs } = image
  return kernel === undefined && initramfs === undefined
    ? base
    : await composeImage({ base, kernel, initramfs, ...watch })
}
