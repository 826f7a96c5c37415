/**
 * Drivers and modules that do one thing wrong each, so that what finds such a thing can be proven to find it. Their
 * sources are in images/faults; docs/faults.md tells what each one does to the next kernel.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { UsageError } from '../harness/errors.ts'
import { didYouMean } from '../harness/nearest.ts'
import { defaultCacheFolder, exists, inCache, publishFolder, withLock } from './cache.ts'
import type { CpioEntry } from './cpio.ts'
import { buildModules, checkModule, type DebianKernel, debianKernel, sourceFolder } from './fault-build.ts'
import type { Image } from './image-schema.ts'
import { writeArchiveDisk } from './initramfs.ts'
import type { Watch } from './progress.ts'

export { FaultUnavailable } from './fault-toolchain.ts'

export type Fault = {
  /** What is wrong, in one line. */
  description: string
  /** As the link `driver` of the device in sysfs names it; null for a fault that is not a driver. */
  driver: string | null
  /** Vendor and device of the PCI function that the driver takes, as sysfs writes them; null without a driver. */
  takes: string | null
  /** QEMU `-device` arguments that a machine of each architecture needs. */
  devices: Readonly<Record<Image['arch'], readonly string[]>>
  /** Models of network cards that the machine needs; each with a backend that sends frames. */
  nics: readonly 'e1000e'[]
  /** Parameters of the module and what they mean. */
  parameters: Readonly<Record<string, string>>
  /** Ids of the findings that a kexec with this fault must give, and no others. */
  expects: readonly string[]
}

/** edu reaches 28 bits unless it is told otherwise, and most of a board's memory lies beyond; arm64's starts at 1 GiB. */
const eduDevice = ['edu,dma_mask=0xffffffff']
const edu = {
  takes: '0x1234:0x11e8',
  devices: { x86_64: eduDevice, arm64: eduDevice, ppc64le: [] },
  nics: [],
  parameters: {},
}
const noDevices = { devices: { x86_64: [], arm64: [], ppc64le: [] } }
const noDriver = { ...noDevices, driver: null, takes: null, nics: [], parameters: {} }

const catalogue = {
  'edu-d3cold': {
    ...edu,
    description: 'shutdown() says that the device has no power, so that its bus mastering stays on',
    driver: 'edu_d3cold',
    expects: ['dma-left-active'],
  },
  'edu-rearm': {
    ...edu,
    description: 'after a correct shutdown(), machine_kexec() starts a transfer into memory',
    driver: 'edu_rearm',
    parameters: { target: 'physical address of 2 KiB to write to; 0: memory of the driver' },
    expects: ['dma-left-active', 'engine-left-running', 'dma-after-bye'],
  },
  'edu-no-shutdown': {
    ...edu,
    description: 'no shutdown(): an interrupt is pending and a transfer was under way',
    driver: 'edu_no_shutdown',
    expects: ['engine-left-running'],
  },
  'edu-good': {
    ...edu,
    description: 'a driver that does everything right',
    driver: 'edu_good',
    expects: [],
  },
  'e1000e-left-on': {
    ...noDevices,
    description: 'a network driver that goes on receiving into memory',
    driver: 'e1000e_left_on',
    takes: '0x8086:0x10d3',
    nics: ['e1000e'],
    parameters: {
      target: 'physical address of 64 KiB to receive into from shutdown() on; 0: memory of the driver',
    },
    expects: ['engine-left-running', 'dma-left-active'],
  },
  'ipi-offline-cpu': {
    ...noDriver,
    description: 'a reschedule interrupt is sent to a CPU that is offline',
    parameters: { cpu: 'number of the CPU that goes offline (1)' },
    expects: ['offline-cpu-ipi'],
  },
  'slow-shutdown': {
    ...edu,
    description: 'shutdown() takes 5 s',
    driver: 'slow_shutdown',
    parameters: { milliseconds: 'how long shutdown() takes (5000)' },
    expects: ['slow-shutdown'],
  },
  'hang-shutdown': {
    ...edu,
    description: 'shutdown() never returns',
    driver: 'hang_shutdown',
    expects: ['hang-in-shutdown'],
  },
  'segment-overwrite': {
    ...noDriver,
    description: 'a byte of the new kernel changes after it was loaded',
    expects: ['purgatory-digest-mismatch'],
  },
} satisfies Record<string, Fault>

export type FaultName = keyof typeof catalogue
export const faults: Readonly<Record<FaultName, Fault>> = catalogue
export const faultNames = Object.keys(catalogue) as FaultName[]

/** A fault that a board can be given. */
export type PreparedFault = Fault & {
  name: FaultName
  /**
   * Absolute path of a raw disk with the modules of all faults: attach it read-only as a virtio block device with
   * serial=kexec-fault, then run `harness-fault NAME` in the guest.
   */
  disk: string
  /** The module's file on the disk. */
  module: string
}

export type PrepareOptions = Watch & {
  image: Image
  /** The cache folder; the project's own where it is not given. */
  cache?: string
}

const diskName = 'faults.img'
/** Raised when something else is made of the same sources. */
const format = 1

/**
 * The module of a fault for the kernel of an image, built when it is not in the cache; a built one costs milliseconds.
 * Throws UsageError for an unknown name, for ppc64le, for a kernel that is not Debian's, and for one whose headers are not
 * in the archive any more; FaultUnavailable, with the reason, where this host can't build modules.
 */
export async function prepareFault(name: string, options: PrepareOptions): Promise<PreparedFault> {
  const known = faultNamed(name)
  const { image, cache = defaultCacheFolder(), progress, signal } = options
  const watch = { ...(progress ? { progress } : {}), ...(signal ? { signal } : {}) }
  // What most of them do is told by looking at the devices from outside, which nothing does there.
  if (image.arch === 'ppc64le')
    throw new UsageError(`fault modules are for x86_64 and arm64; ${image.name} is ${image.arch}`)
  const kernel = debianKernel(image)
  const folder = inCache(cache, 'faults', `${kernel.release}-${await buildKey(kernel)}`)
  if (!(await exists(folder))) {
    await withLock(cache, `faults-${kernel.release}`, watch, () =>
      publishFolder(cache, folder, async (temporary) => {
        await buildModules(image, kernel, temporary, { ...watch, cache })
        await writeDisk(temporary, kernel.release, signal)
      }),
    )
  }
  const module = `${known}.ko`
  const file = path.join(folder, module)
  checkModule(await readFile(file), file, kernel.release)
  return { ...faults[known], name: known, module, disk: path.join(folder, diskName) }
}

/** The fault of that name. Throws UsageError with the nearest one when there is none. */
export function faultNamed(name: string): FaultName {
  if (Object.hasOwn(faults, name)) return name as FaultName
  throw new UsageError(`there is no fault "${name}"${didYouMean(name, faultNames)}`, {
    hint: `there is: ${faultNames.join(', ')}`,
  })
}

/** SHA-256 over what decides the modules' bytes, shortened. */
async function buildKey(kernel: DebianKernel): Promise<string> {
  const devices = faultNames.map((name) => faults[name].takes)
  const hash = createHash('sha256').update(JSON.stringify({ format, kernel, devices }))
  for (const file of (await readdir(sourceFolder)).sort()) {
    const content = await readFile(path.join(sourceFolder, file))
    hash.update(`\0${file}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex').slice(0, 16)
}

/** All modules, and what harness-fault has to know of their devices. */
async function writeDisk(folder: string, release: string, signal: AbortSignal | undefined): Promise<void> {
  const entries: CpioEntry[] = []
  for (const name of faultNames) {
    const file = path.join(folder, `${name}.ko`)
    const content = await readFile(file)
    checkModule(content, file, release)
    entries.push({ type: 'file', name: `${name}.ko`, content })
    const { takes } = faults[name]
    if (takes !== null)
      entries.push({ type: 'file', name: `${name}.device`, content: Buffer.from(`${takes}\n`) })
  }
  await writeArchiveDisk(entries, path.join(folder, diskName), signal)
}
