/** A board that is a QEMU machine on this host. */
import type { Image } from '../../images/image-schema.ts'
import type { AcceleratorName, Drive, QemuProgram } from '../../qemu/arguments.ts'
import type { BordersStart, BordersWatch } from '../../qemu/handover-borders.ts'
import type { HandoverWatch } from '../../qemu/inspection.ts'
import type { Kimage } from '../../qemu/kimage.ts'
import { type Machine, type MachineOptions, startMachine } from '../../qemu/machine.ts'
import { recoverKernelLog } from '../../qemu/memory.ts'
import { type Sampling, samplePcs } from '../../qemu/pc-sampling.ts'
import { WirePing } from '../../qemu/ping.ts'
import { describeCpus, sampleCpus } from '../../qemu/registers.ts'
import { Traffic } from '../../qemu/traffic.ts'
import { systemClock } from '../clock.ts'
import { Console } from '../console/console.ts'
import type { ConsoleRecorder } from '../console/recorder.ts'
import { Shell } from '../console/shell.ts'
import type { Tee } from '../console/tee.ts'
import { LabError } from '../errors.ts'
import type { Board, Examination, TargetFiles, Trouble } from './board.ts'
import { HvcInput } from './hvc-input.ts'
import { findInstalledKernel } from './installed-kernel.ts'
import type { QemuDescriptor } from './kinds.ts'
import { providePayload } from './payload.ts'
import { PxeFolder } from './pxe-folder.ts'
import { endlessLoop, isAlive, troubleOf } from './qemu-signs.ts'
import { shellStage } from './stage/shell.ts'
import { type WarmStart, warmStart } from './warm-start.ts'
import type { WarmStates } from './warm-states.ts'

/** What was chosen to run QEMU boards of one architecture. */
export type QemuChoice = {
  program: QemuProgram
  accelerator: AcceleratorName
  /** Why that accelerator, for people. */
  reason: string
}

export type QemuBoardOptions = {
  descriptor: QemuDescriptor
  /** null: the machine's firmware boots the descriptor's disk. */
  image: Image | null
  qemu: QemuChoice
  recorder?: ConsoleRecorder
  /** A bootloader that the machine boots into in place of the image, and the disk whose entries it boots. */
  bootloader?: Bootloader | undefined
  /** A disk with a fault module, which harness-fault looks for. */
  faultDisk?: string | undefined
  /** Where states of booted machines are kept; absent: in the cache. */
  states?: WarmStates
}

export type Bootloader = {
  kernel: string
  initramfs: string | undefined
  /** Attached at each power-on: another one may take its place in between. */
  targetDisk: string
  /** A folder that a TFTP server is to offer it. */
  tftp?: string | undefined
  /** Firmware in flash, and the store of its variables, which is not written to; otherwise the machine's own. */
  firmware?: { code: string; variables: string } | undefined
}
/** The serial number of a target disk: its own Linux finds it by that. */
export const targetDiskSerial = 'kexec-target'

/** Registers are sampled this often to tell a loop from an idle machine. */
const samples = { count: 10, intervalMs: 50 }
/** Looked at while it may well be working, and looked at again. */
const quickLook = { count: 2, intervalMs: 10 }

export class QemuBoard implements Board {
  readonly descriptor: QemuDescriptor
  readonly console: Console
  readonly shell: Shell
  readonly accelerator: string
  readonly note: string
  /** A machine that does not boot once will not boot the next time. */
  readonly powerCycles = 1
  readonly sendKey?: (name: string) => Promise<void>
  readonly askNetwork?: () => Promise<WirePing>
  readonly warm: WarmStart | undefined
  readonly #options: QemuBoardOptions
  readonly #listeners = new Set<(trouble: Trouble) => void>()
  readonly #hvc: HvcInput | undefined
  #machine: Machine | undefined
  #tee: Tee | undefined
  #pxe: PxeFolder | undefined

  constructor(options: QemuBoardOptions) {
    this.#options = options
    this.descriptor = options.descriptor
    this.accelerator = options.qemu.accelerator
    this.note = options.qemu.reason
    this.console = new Console({ write: (bytes) => this.#write(bytes) }, options.recorder)
    // Both machines of POWER have a hypervisor's console.
    if (options.descriptor.arch === 'ppc64le')
      this.#hvc = new HvcInput(
        (bytes) => this.#running().write(bytes),
        (listener) => this.console.onBytes(listener),
      )
    this.shell = new Shell(this.console, { prompt: shellStage(options.descriptor).prompt })
    if (options.descriptor.machine.nics.length > 0)
      this.askNetwork = async () => new WirePing(this.#running().wires)
    this.warm = warmStart({
      options: (commandLine) => this.#machineOptions(commandLine),
      start: (machine) => this.#start(machine),
      running: () => this.#running(),
      stages: options.descriptor.stages,
      states: options.states,
    })
    if (hasKeyboard(options.descriptor))
      this.sendKey = async (name) => {
        await this.#running().qmp.execute('send-key', { keys: [{ type: 'qcode', data: name }] })
      }
  }

  async powerOn(commandLine: string, signal: AbortSignal): Promise<number> {
    const from = this.console.position
    const { image, descriptor } = this.#options
    const { pxe } = descriptor.machine
    if (pxe.length > 0 && image) this.#pxe ??= await PxeFolder.create(pxe, image)
    await this.#start({ ...this.#machineOptions(commandLine), signal })
    return from
  }

  async #start(options: MachineOptions): Promise<void> {
    if (options.state)
      this.#options.recorder?.note('warm start: goes on from an earlier cold boot', systemClock.nowNs())
    this.#machine = await startMachine(options)
    this.#follow(this.#machine)
    this.#tee ??= await this.#offerTee()
  }

  #machineOptions(commandLine: string): MachineOptions {
    const { image, bootloader, qemu, descriptor } = this.#options
    const { memoryMiB, pxe, ...machine } = descriptor.machine
    const folder = this.#pxe?.path ?? (pxe.length > 0 ? '' : undefined)
    return {
      name: descriptor.name,
      arch: descriptor.arch,
      program: qemu.program,
      machine: {
        ...{ ...machine, memory: memoryMiB, accelerator: qemu.accelerator },
        tftp: bootloader?.tftp ?? folder,
        flash: bootloader?.firmware,
      },
      kernel: (bootloader ?? image)?.kernel,
      initramfs: (bootloader ?? image)?.initramfs,
      append: (bootloader ?? image) ? commandLine : undefined,
      drives: this.#drives(),
      onConsole: (chunk, atNs) => {
        this.console.feed(chunk, atNs)
        this.#tee?.bytes(chunk, atNs)
      },
    }
  }

  /** What is attached, the disk that bootloaders boot from first. */
  #drives(): Drive[] {
    const { image, bootloader, descriptor, faultDisk } = this.#options
    const payload = bootloader || !image ? null : image.payload.disk
    const { disk } = descriptor.image
    return [
      // What the guest writes to these two goes with the machine: a user's disk is never written to.
      ...(bootloader ? [{ path: bootloader.targetDisk, snapshot: true, serial: targetDiskSerial }] : []),
      ...(payload === null ? [] : [{ path: payload, readOnly: true, serial: 'kexec-payload' }]),
      ...(faultDisk === undefined ? [] : [{ path: faultDisk, readOnly: true, serial: 'kexec-fault' }]),
      ...(disk === undefined ? [] : [{ path: disk, snapshot: true, serial: 'user-disk' }]),
    ]
  }

  async powerOff(): Promise<void> {
    const machine = this.#machine
    this.#machine = undefined
    await machine?.close()
  }

  onTrouble(listener: (trouble: Trouble) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async examine(nonce: string): Promise<Examination> {
    const machine = this.#running()
    const cpus = await sampleCpus(machine, samples.count, samples.intervalMs)
    const loop = await endlessLoop(machine, cpus)
    const log = await recoverKernelLog(machine, nonce)
    return {
      ...(loop === undefined ? {} : { endlessLoop: loop }),
      registers: describeCpus(cpus),
      alive: cpus.flat().some(isAlive),
      recoveredLog: log.found ? log.lines : undefined,
    }
  }

  async findEndlessLoop(): Promise<string | undefined> {
    const machine = this.#running()
    return await endlessLoop(machine, await sampleCpus(machine, quickLook.count, quickLook.intervalMs))
  }

  async provideTarget(signal: AbortSignal): Promise<TargetFiles> {
    const provide = this.#options.image ? providePayload : findInstalledKernel
    const files = await provide(this.shell, this.descriptor.limits.loadMs, signal)
    const pxe = this.#pxe
    return pxe ? { ...files, serve: (label, commandLine) => pxe.publish(label, commandLine) } : files
  }

  async watchHandover(machineKexec: bigint | null, signal: AbortSignal): Promise<HandoverWatch> {
    // Only now: it must not delay the start of the boards that are not looked at.
    const { watchHandover } = await import('../../qemu/inspection.ts')
    return await watchHandover(this.#running(), { machineKexec, signal })
  }

  async watchBorders(from: BordersStart, signal: AbortSignal): Promise<BordersWatch | undefined> {
    const { watchBorders } = await import('../../qemu/handover-borders.ts')
    const { arch, qmp, accelerator } = this.#running()
    return arch === 'ppc64le' ? undefined : await watchBorders({ arch, qmp, accelerator }, from, signal)
  }

  async forgetTranslations(): Promise<void> {
    const { forgetTranslations } = await import('../../qemu/translations.ts')
    await forgetTranslations(this.#running())
  }

  async findKimages(signal: AbortSignal): Promise<Kimage[]> {
    const { findKimages } = await import('../../qemu/kimage.ts')
    return await findKimages(this.#running(), signal)
  }

  samplePcs(): Sampling | undefined {
    const machine = this.#running()
    // Samples are of the host's time, and what executes instructions faster has fewer of them.
    return machine.accelerator === 'icount' ? undefined : samplePcs(machine)
  }

  sendTraffic(framesPerSecond: number): Traffic {
    return new Traffic(this.#running().wires, framesPerSecond)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.powerOff()
    await this.#pxe?.[Symbol.asyncDispose]()
    await this.#tee?.[Symbol.asyncDispose]()
    this.console.close('the board was closed')
  }

  /** For `npm run console`. Another run of a board of this name may have it: that is no reason not to run. */
  async #offerTee(): Promise<Tee | undefined> {
    // Only now: it must not delay the start of QEMU.
    const { Tee } = await import('../console/tee.ts')
    const noBreak = async () => false
    const write = async (bytes: Buffer) => {
      // What this process types itself its console records.
      this.#options.recorder?.typed(bytes, systemClock.nowNs())
      await this.#write(bytes)
    }
    return await Tee.offer(this.descriptor.name, { write, sendBreak: noBreak, reopen: async () => {} }).catch(
      () => undefined,
    )
  }

  async #write(bytes: Buffer): Promise<void> {
    await (this.#hvc ?? this.#running()).write(bytes)
  }

  #running(): Machine {
    if (!this.#machine) throw new LabError(`${this.descriptor.name} is switched off`)
    return this.#machine
  }

  #follow(machine: Machine): void {
    machine.onEvent((event) => {
      const trouble = this.#machine === machine ? troubleOf(event) : undefined
      if (trouble) this.#tell(trouble)
    })
    machine.exited.then(({ exitCode, signal }) => {
      if (this.#machine !== machine) return
      this.#tell({
        kind: 'died',
        message: `QEMU ended by itself (${signal ?? `status ${exitCode}`}): ${machine.output.trim()}`,
      })
    })
  }

  #tell(trouble: Trouble): void {
    for (const listener of [...this.#listeners]) listener(trouble)
  }
}

/** A PC has one on its board; elsewhere it is a device that the descriptor asks for. */
function hasKeyboard({ arch, machine }: QemuDescriptor): boolean {
  return arch === 'x86_64' || machine.devices.some((device) => /^(usb-kbd|virtio-keyboard)/.test(device))
}
