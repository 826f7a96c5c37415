/** Makes everything ready that the boards of a run need: programs, accelerators, images. */

import type { FaultName } from '../../images/faults.ts'
import { isUrl } from '../../images/file-url.ts'
import type { Image } from '../../images/image.ts'
import { type Descriptor, loadDescriptor, overrideDescriptor } from '../board/descriptor.ts'
import { isQemu, kindOf, type QemuDescriptor } from '../board/kinds.ts'
import { UsageError } from '../errors.ts'
import type { Plan } from '../journal/events.ts'
import type { Hold } from './lab/hold.ts'
import { boardsDir } from './paths.ts'
import { chooseQemu, prepareImage } from './prepare-qemu.ts'
import type { Progress } from './progress.ts'
import type { RunOptions } from './run-options.ts'

/** The boards of a run, and what it holds of the rack for them. */
export type Prepared = { boards: Plan['boards']; hold: Hold | undefined }

/**
 * Prepares each board of a run. Throws UsageError for what was asked, LabError for what is missing here; a board on a
 * rack that can't be had is refused in `hold`, since the others can.
 */
export async function prepareBoards(
  options: RunOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Prepared> {
  const descriptors: Descriptor[] = []
  for (const name of options.boards) {
    const descriptor = await loadDescriptor(name, boardsDir)
    refuseForeignFiles(descriptor, options)
    const wanted = overrideDescriptor(descriptor, options.overrides)
    descriptors.push(await withDownloads(wanted, { progress, signal }))
  }
  refuseSharedNames(descriptors)
  const hold = await takeHold(descriptors, progress, signal)
  try {
    const boards: Plan['boards'] = []
    for (const descriptor of descriptors)
      boards.push(await prepareBoard(descriptor, hold, options, { progress, signal }))
    return { boards, hold }
  } catch (error) {
    await hold?.[Symbol.asyncDispose]()
    throw error
  }
}

/** What the descriptor names by URL is downloaded before anything is held, as it may take long. */
export async function withDownloads<T extends Descriptor>(descriptor: T, watch: Watch): Promise<T> {
  const { image } = descriptor
  if (![image.kernel, image.initramfs].some((file) => file !== undefined && isUrl(file))) return descriptor
  const { withLocalFiles } = await import('../../images/download.ts')
  return { ...descriptor, image: await withLocalFiles(image, watch) }
}

/** Only where a board is on a rack: what reaches one must not delay the start of QEMU boards. */
async function takeHold(
  descriptors: readonly Descriptor[],
  progress: Progress,
  signal: AbortSignal,
): Promise<Hold | undefined> {
  if (descriptors.every((descriptor) => kindOf(descriptor) === 'qemu')) return undefined
  const { Hold } = await import('./lab/hold.ts')
  return await Hold.take(descriptors, { command: process.argv.slice(2).join(' '), progress, signal })
}

type Watch = { progress: Progress; signal: AbortSignal }

async function prepareBoard(
  descriptor: Descriptor,
  hold: Hold | undefined,
  { fault: wanted, old }: RunOptions,
  watch: Watch,
): Promise<Plan['boards'][number]> {
  const { name, arch } = descriptor
  if (!isQemu(descriptor))
    return {
      name,
      arch,
      descriptor: hold?.descriptor(name) ?? descriptor,
      image: null,
      machine: null,
      fault: null,
    }
  const [machine, image] = await Promise.all([
    chooseQemu(descriptor, watch),
    old ? prepareOld(descriptor, old, watch) : prepareImage(descriptor, watch),
  ])
  const fault = wanted && (await prepareFault(wanted, descriptor, image, watch))
  return { name, arch, descriptor, image, machine, fault }
}

/** The image that another kernel boots cold and kexecs. Throws UsageError where the board's firmware boots a disk. */
async function prepareOld(
  descriptor: QemuDescriptor,
  old: NonNullable<RunOptions['old']>,
  watch: Watch,
): Promise<Image> {
  const own = await withDownloads(
    { ...descriptor, image: { recipe: descriptor.image.recipe, ...old } },
    watch,
  )
  const [from, target] = [await prepareImage(own, watch), await prepareImage(descriptor, watch)]
  if (!from || !target)
    throw new UsageError(`--old ${old.kernel ?? old.recipe}: ${descriptor.name} boots from its disk`, {
      hint: 'Leave --disk out: the harness boots a kernel of its own, which then kexecs the other one.',
    })
  const { kexecFrom } = await import('../../images/old-kernel.ts')
  return await kexecFrom(from, target, watch)
}

/** Files of this host can't be loaded by a board on a rack, and a fault module comes on a disk of QEMU's. */
function refuseForeignFiles(descriptor: Descriptor, { overrides, old, fault }: RunOptions): void {
  const kind = kindOf(descriptor)
  if (kind === 'qemu') return
  const { kernel, initramfs, disk, recipe } = overrides
  const foreign = Object.entries({
    kernel,
    initramfs,
    disk,
    old: old?.kernel ?? old?.recipe,
    fault: fault ?? undefined,
  })
  const own = kind === 'real' ? [...foreign, ['kernel', recipe] as const] : foreign
  const given = own.find(([, value]) => value !== undefined)
  if (given)
    throw new UsageError(`--${given[0]} ${given[1]}: ${descriptor.name} can't be given it`, {
      hint: "A board on a rack kexecs files that lie on it: put them there, and name them in its descriptor's image.",
    })
}

/** Builds the fault's module for the image's kernel, and gives the board the devices that it needs. */
async function prepareFault(
  name: FaultName,
  descriptor: QemuDescriptor,
  image: Image | null,
  watch: Watch,
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

function refuseSharedNames(descriptors: Descriptor[]): void {
  const seen = new Set<string>()
  for (const { name } of descriptors) {
    if (seen.has(name))
      throw new UsageError(`two descriptors are both named ${name}: a run needs different names`)
    seen.add(name)
  }
}
