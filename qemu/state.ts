/** A machine's whole state in a file: what a machine of the same description goes on from instead of booting. */
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { LabError } from '../harness/errors.ts'
import { qemuArguments } from './arguments.ts'
import type { Machine, MachineOptions } from './machine.ts'
import { listenOnce, privateFolder, removeFolder } from './sockets.ts'

/** Far above any disk: QEMU's own limit of 128 MiB a second is meant for networks (migration/migration.c). */
const bytesPerSecond = 2 ** 40
const connectTimeoutMs = 10_000
const endTimeoutMs = 30_000

/**
 * Devices whose state QEMU saves whole. Others either refuse (nvme in QEMU 7.2) or, which is worse, come back as if they
 * had just been switched on (edu has no VMStateDescription at all), so what harness/kexec/warm-boot.integration.test.ts has not
 * compared is never kept.
 */
const savedWhole = /^(virtio-(net|blk)-pci|e1000e?|ich9-ahci|ide-hd|qemu-xhci|usb-storage)(,|$)/

/** Why a machine's state can't be kept, in words; undefined where it can. */
export function whyNoState({ machine, drives, kernel }: StateParts): string | undefined {
  if (machine.accelerator !== 'tcg') return 'tried with TCG only'
  if (!['q35', 'virt'].includes(machine.type)) return `not tried with ${machine.type}`
  if (kernel === undefined) return 'its firmware boots it'
  // What the guest wrote to these is in a temporary file that went with the machine.
  if (machine.flash || drives?.some(({ readOnly }) => readOnly !== true)) return 'it may write to a disk'
  if (machine.options?.iommu !== undefined) return 'not tried with an IOMMU'
  if (machine.tftp !== undefined || (machine.extraArgs ?? []).length > 0) return 'it has devices of its own'
  const other = machine.devices?.find((device) => !savedWhole.test(device))
  if (other !== undefined) return `QEMU may not save all of ${other}`
  return machine.disks?.includes('nvme') ? 'QEMU does not save nvme' : undefined
}
type StateParts = Pick<MachineOptions, 'machine' | 'drives' | 'kernel'>

/**
 * A hash of all that makes a machine: QEMU's program, its arguments, and which files they name. A file counts as another one
 * when its path, size or time of change is. Throws LabError where one is missing.
 */
export async function machineIdentity(
  options: Omit<MachineOptions, 'onConsole' | 'signal' | 'state'>,
): Promise<string> {
  const { program, kernel, initramfs, drives = [] } = options
  const files = [program.path, kernel, initramfs, ...drives.map(({ path }) => path)]
  const marks = await Promise.all(files.filter((path) => path !== undefined).map(fileMark))
  const args = qemuArguments({ ...options, consoleSocket: '', qmpSocket: '' }, program)
  return createHash('sha256')
    .update(JSON.stringify([args, program.env ?? {}, marks]))
    .digest('hex')
    .slice(0, 32)
}

async function fileMark(path: string): Promise<string> {
  try {
    const { size, mtimeNs } = await stat(path, { bigint: true })
    return `${path} ${size} ${mtimeNs}`
  } catch (cause) {
    throw new LabError(`cannot look at ${path}: ${(cause as Error).message}`, { cause })
  }
}

/**
 * Writes the machine's state to a file. The guest, which should idle, stands still at the end of that and then runs on.
 * Throws LabError, also for a device that QEMU can't save, or the signal's reason.
 */
export async function saveState(machine: Machine, file: string, signal: AbortSignal): Promise<void> {
  const { qmp } = machine
  const folder = await privateFolder()
  const listener = await listenOnce(join(folder, 'state.sock'))
  try {
    await qmp.execute('migrate-set-parameters', { 'max-bandwidth': bytesPerSecond }, { signal })
    await qmp.execute('migrate', { uri: `unix:${listener.path}` }, { signal })
    const limit = AbortSignal.any([signal, AbortSignal.timeout(connectTimeoutMs)])
    const socket = await Promise.race([listener.connected, aborted(limit)])
    await pipeline(socket, createWriteStream(file, { mode: 0o600 }), { signal })
    await saved(machine, signal)
  } finally {
    listener.close()
    await removeFolder(folder)
    await qmp.execute('cont')
  }
}

const progress = z.looseObject({ status: z.string().optional(), 'error-desc': z.string().optional() })

/** The last byte comes before QEMU has finished with it, and `cont` is refused until it has. */
async function saved({ qmp, name }: Machine, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + endTimeoutMs
  for (;;) {
    const { status, 'error-desc': why } = await qmp.execute('query-migrate', undefined, {
      schema: progress,
      signal,
    })
    if (status === 'completed') return
    const over = status === 'failed' || status === 'cancelled' || performance.now() > deadline
    if (over) throw new LabError(`the state of ${name} was not saved: ${why ?? status ?? 'no answer'}`)
    await sleep(10, undefined, { signal })
  }
}

async function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  if (signal.aborted) reject(signal.reason)
  return await promise
}
