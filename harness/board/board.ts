/** A descriptor opened: a console, a way to switch the power, and what can be seen of a machine that went silent. */

import type { BordersStart, BordersWatch } from '../../qemu/handover-borders.ts'
import type { HandoverWatch } from '../../qemu/inspection.ts'
import type { Kimage } from '../../qemu/kimage.ts'
import type { Sampling } from '../../qemu/pc-sampling.ts'
import type { Console } from '../console/console.ts'
import type { Shell } from '../console/shell.ts'
import type { LabError } from '../errors.ts'
import type { Asking } from '../probe-log.ts'
import type { Descriptor } from './descriptor.ts'
import type { WarmStart } from './warm-start.ts'

/** Where on a board its kernel and initramfs lie, for its loader. */
export type TargetFiles = {
  kernel: string
  initramfs: string | null
  /** What the kernel needs on its command line to find its root, where the board's own firmware started it. */
  commandLine?: string
  /** Makes an entry of the board's boot server have a command line; absent where it has none of the harness's. */
  serve?: (label: string, commandLine: string) => Promise<void>
}

/** Something that happened to the machine as a whole, which its console may not show. */
export type Trouble = { kind: 'reset' | 'panic' | 'died'; message: string }

/** What can be seen of a silent machine; every part is absent where the board has no way to look. */
export type Examination = {
  /** One line a CPU: where it is, in which mode, halted or not, over several samples. */
  registers?: string[]
  /** True where a CPU ran user code or idled with interrupts on: the machine is alive. */
  alive?: boolean
  /** A CPU that jumps to itself at an address that no kernel runs at, in words. */
  endlessLoop?: string
  /** Kernel messages of the kernel that has the nonce, read back from memory. */
  recoveredLog?: string[]
}

/** Something to try with a board that hangs, before its power is cut. */
export type RecoveryStep = {
  name: string
  /** What it heard, and how the board boots now; null where it did not help. */
  attempt(signal: AbortSignal): Promise<{ said: string; boot: StartBoard | null }>
}

/**
 * Makes a board boot: `commandLine` is for a kernel that its firmware starts. Returns the console position from which
 * the kernel's shell is to be looked for.
 */
export type StartBoard = (commandLine: string) => Promise<number>

export type Board = AsyncDisposable & {
  readonly descriptor: Descriptor
  readonly console: Console
  readonly shell: Shell
  /** What runs the board, for the record: accelerator and why, program and version. */
  readonly accelerator: string | null
  readonly note: string
  /**
   * Switches the power on and boots generation 0 with this command line, as far as the power and the firmware reach.
   * Returns the console position from which the kernel's shell is to be looked for.
   */
  powerOn(commandLine: string, signal: AbortSignal): Promise<number>
  /** Power-ons that need not boot, since the board was kept as a cold boot had left it; absent where it can't be. */
  readonly warm?: WarmStart | undefined
  /** Switches the power off; the console stays. */
  powerOff(): Promise<void>
  /** How often the power is cycled before a board that does not come up is given up. */
  readonly powerCycles: number
  /** What is tried before the power; absent: nothing. */
  readonly recoverySteps?: readonly RecoveryStep[]
  /** Told when nothing brought the board back. */
  giveUp?(reason: string): void
  /** What the lab did since a moment that no result may be blamed on the board for; absent: it can do nothing. */
  labFault?(sinceNs: bigint): LabError | undefined
  /** What a stamp of the console may be late by, beyond the host's own delay, milliseconds; absent: not known to be. */
  readonly stampUncertaintyMs?: number | undefined
  /** Calls back when the machine resets, panics or dies; returns what ends it. */
  onTrouble(listener: (trouble: Trouble) => void): () => void
  /** Looks into a machine that went silent. `nonce` tells the new kernel's messages from the old one's. */
  examine(nonce: string): Promise<Examination>
  /** A CPU that jumps to itself for ever where no kernel runs, in words; absent where the board can't be looked into. */
  findEndlessLoop?(): Promise<string | undefined>
  /** Puts kernel and initramfs where the board's loader finds them; paths on the board. */
  provideTarget(signal: AbortSignal): Promise<TargetFiles>
  /**
   * Gets ready to look at every PCI device at purgatory's entry; absent where the board has no way to.
   * `machineKexec` is the address of the running kernel's machine_kexec(), null where it is not known.
   */
  watchHandover?(machineKexec: bigint | null, signal: AbortSignal): Promise<HandoverWatch>
  /**
   * Makes an emulator forget what it translated of the guest's code, since it would discard that block by block while a new
   * kernel is copied over the old one; absent where nothing is emulated. Never rejects.
   */
  forgetTranslations?(): Promise<void>
  /** Gets ready to time each border of the handover; absent, or undefined, where the board has no way to. */
  watchBorders?(from: BordersStart, signal: AbortSignal): Promise<BordersWatch | undefined>
  /** What is loaded for a kexec, and perhaps was before, found in memory; absent where the board can't be looked into. */
  findKimages?(signal: AbortSignal): Promise<Kimage[]>
  /** Looks again and again where the first CPU is, until it is stopped; absent, or undefined, where the board has no way to. */
  samplePcs?(): Sampling | undefined
  /** Presses a key of the machine's keyboard, by QEMU's name of it (qapi/ui.json, QKeyCode); absent where it has none. */
  sendKey?(name: string): Promise<void>
  /** Sends frames to each of the board's NICs until disposed; absent where nothing is connected to them. */
  sendTraffic?(framesPerSecond: number): Disposable
  /**
   * Asks the board over its network, by ICMP and TCP at a steady rate, until disposed; absent where there is no way to it. Throws
   * LabError where the host can't.
   */
  askNetwork?(signal: AbortSignal): Promise<Asking>
}
