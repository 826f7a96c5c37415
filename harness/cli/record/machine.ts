/** A QEMU board's machine, started for a person who records it. */
import type { AcceleratorName } from '../../../qemu/arguments.ts'
import { startMachine } from '../../../qemu/machine.ts'
import { overrideDescriptor } from '../../board/descriptor.ts'
import type { QemuDescriptor } from '../../board/kinds.ts'
import type { LinkEvents } from '../../console/link.ts'
import { LabError } from '../../errors.ts'
import { commandLine, newNonce } from '../../kexec/command-line.ts'
import { showConsole, type ViewOptions } from '../console.ts'
import type { Source } from '../lab/source.ts'
import { withDownloads } from '../prepare.ts'
import { chooseQemu, prepareImage, type WithMachine } from '../prepare-qemu.ts'
import { printProgress } from '../progress.ts'
import type { RecordFlags } from '../record.ts'
import { parseRunFlags } from '../run-options.ts'

/**
 * Starts the machine with what it boots, and shows its console until somebody quits, or the machine ends. A kernel and an
 * initramfs that were given are booted as they are. Throws UsageError and LabError.
 */
export async function showMachine(
  written: QemuDescriptor,
  { kernel, initramfs, disk, append }: RecordFlags,
  view: Pick<ViewOptions, 'tap' | 'forMs'>,
  signal: AbortSignal,
): Promise<number> {
  const { overrides } = await parseRunFlags(
    { kernel, initramfs, disk, append, results: 'results' },
    { boards: [written.name], suites: [] },
  )
  const watch = { progress: printProgress, signal }
  const descriptor = await withDownloads(overrideDescriptor(written, overrides) as WithMachine, watch)
  const { program, accelerator } = await chooseQemu(descriptor, watch)
  const boots =
    descriptor.image.kernel === undefined ? await prepareImage(descriptor, watch) : descriptor.image
  const source = (events: LinkEvents, abort: AbortSignal) =>
    start(descriptor, { program, accelerator, boots }, events, abort)
  return await showConsole({ descriptor, write: true, takes: true, ...view, source }, signal)
}

type Parts = {
  program: Parameters<typeof startMachine>[0]['program']
  accelerator: AcceleratorName
  boots: { kernel?: string | undefined; initramfs?: string | undefined } | null
}

async function start(
  { name, arch, machine, image, earlyConsole, append }: WithMachine,
  { program, accelerator, boots }: Parts,
  events: LinkEvents,
  signal: AbortSignal,
): Promise<Source> {
  const { memoryMiB, pxe: _pxe, ...description } = machine
  const running = await startMachine({
    ...{ name, arch, program, signal },
    machine: { ...description, memory: memoryMiB, accelerator },
    kernel: boots?.kernel,
    initramfs: boots?.initramfs,
    append: boots ? commandLine({ arch, earlyConsole, append, nonce: newNonce() }) : undefined,
    drives: image.disk === undefined ? [] : [{ path: image.disk, snapshot: true, serial: 'user-disk' }],
    onConsole: (chunk, atNs) => events.bytes(chunk, atNs),
  })
  running.exited.then(({ exitCode }) => events.gone(new LabError(`QEMU ended with status ${exitCode}`)))
  return {
    write: (bytes) => running.write(bytes),
    sendBreak: async () => false,
    [Symbol.asyncDispose]: () => running.close(),
  }
}
