/** Makes everything ready that the boards of a run need: programs, accelerators, images. */

import { defaultCacheFolder } from '../../images/cache.ts'
import type { FaultName } from '../../images/faults.ts'
import { ensureProgram } from '../../images/host-packages.ts'
import { composeImage, type Image, resolveImage } from '../../images/image.ts'
import { chooseAccelerator } from '../../qemu/accelerator.ts'
import {
  type Descriptor,
  isQemu,
  loadDescriptor,
  overrideDescriptor,
  type QemuDescriptor,
} from '../board/descriptor.ts'
import type { QemuChoice } from '../board/qemu-board.ts'
import { UsageError } from '../errors.ts'
import type { Plan } from '../journal/events.ts'
import { boardsDir } from './paths.ts'
import type { Progress } from './progress.ts'
import type { RunOptions } from './run-options.ts'

/** The programs that run QEMU boards, and Debian's packages of them. */
export const qemuPrograms = {
  x86_64: { program: 'qemu-system-x86_64', packages: ['qemu-system-x86'] },
  arm64: { program: 'qemu-system-aarch64', packages: ['qemu-system-arm', 'ipxe-qemu'] },
}

/** Prepares each board of a run. Throws UsageError for what was asked, LabError for what is missing here. */
export async function prepareBoards(
  options: RunOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Plan['boards']> {
  const descriptors: Descriptor[] = []
  for (const name of options.boards)
    descriptors.push(overrideDescriptor(await loadDescriptor(name, boardsDir), options.overrides))
  refuseSharedNames(descriptors)
  const boards: Plan['boards'] = []
  for (const descriptor of descriptors) {
    if (!isQemu(descriptor)) throw new UsageError(`${descriptor.name}: only QEMU boards can be run so far`)
    const [machine, image] = await Promise.all([
      chooseQemu(descriptor, progress, signal),
      prepareImage(descriptor, progress, signal),
    ])
    const fault =
      options.fault && (await prepareFault(options.fault, descriptor, image, { progress, signal }))
    boards.push({ name: descriptor.name, arch: descriptor.arch, descriptor, image, machine, fault })
  }
  return boards
}

/** The QEMU that runs boards of a descriptor's architecture, installed or unpacked where it was missing. */
async function chooseQemu(
  descriptor: QemuDescriptor,
  progress: Progress,
  signal: AbortSignal,
): Promise<QemuChoice> {
  const program = await ensureProgram({ ...qemuPrograms[descriptor.arch], progress, signal })
  const choice = await chooseAccelerator(
    program,
    descriptor.arch,
    descriptor.machine.accelerator,
    defaultCacheFolder(),
    { cpu: descriptor.machine.cpu, signal },
  )
  return { program, accelerator: choice.accelerator, reason: choice.reason }
}

async function prepareImage(
  { image, arch }: QemuDescriptor,
  progress: Progress,
  signal: AbortSignal,
): Promise<Image | null> {
  if (image.disk !== undefined && image.recipe === undefined && image.kernel === undefined) return null
  const base = await resolveImage(image.recipe ?? defaultRecipes[arch], { arch, progress, signal })
  const { kernel, initramfs } = image
  return kernel === undefined && initramfs === undefined
    ? base
    : await composeImage({ base, kernel, initramfs, progress, signal })
}

/** Builds the fault's module for the image's kernel, and gives the board the devices that it needs. */
async function prepareFault(
  name: FaultName,
  descriptor: QemuDescriptor,
  image: Image | null,
  watch: { progress: Progress; signal: AbortSignal },
): Promise<Plan['boards'][number]['fault']> {
  if (!image)
    throw new UsageError(`--fault ${name} needs a kernel that the harness knows, not one on a disk`, {
      hint: 'Leave --disk out: a fault module is built for the kernel of an image.',
    })
  const { faults, prepareFault: build } = await import('../../images/faults.ts')
  const { disk } = await build(name, { image, ...watch })
  const { devices, nics, parameters } = faults[name]
  const missing = <T>(wanted: readonly T[], there: readonly T[]) =>
    wanted.filter((one) => !there.includes(one))
  descriptor.machine.devices.push(...missing(devices[descriptor.arch], descriptor.machine.devices))
  descriptor.machine.nics.push(...missing(nics, descriptor.machine.nics))
  return { name, disk, aimed: 'target' in parameters }
}

/** Recipes whose initramfs serves a user's kernel. */
const defaultRecipes = { x86_64: 'bookworm-cloud-amd64', arm64: 'bookworm-cloud-arm64' }

function refuseSharedNames(descriptors: Descriptor[]): void {
  const seen = new Set<string>()
  for (const { name } of descriptors) {
    if (seen.has(name))
      throw new UsageError(`two descriptors are both named ${name}: a run needs different names`)
    seen.add(name)
  }
}
