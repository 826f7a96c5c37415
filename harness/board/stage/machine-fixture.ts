/** A QEMU machine that its firmware boots, with a console that is recorded, for the tests of stages. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ExecutionContext } from 'ava'
import { ensureProgram } from '../../../images/host-packages.ts'
import type { QemuMachineDescription } from '../../../qemu/arguments.ts'
import { type Machine, startMachine } from '../../../qemu/machine.ts'
import { Console } from '../../console/console.ts'
import { ConsoleRecorder } from '../../console/recorder.ts'
import type { StageContext } from './stage.ts'

const machines = {
  x86_64: {
    program: 'qemu-system-x86_64',
    packages: ['qemu-system-x86'],
    type: 'q35',
    cpu: 'max',
    options: {},
  },
  arm64: {
    program: 'qemu-system-aarch64',
    packages: ['qemu-system-arm'],
    type: 'virt',
    cpu: 'cortex-a57',
    options: { 'gic-version': 2 },
  },
} as const

export class FirmwareMachine implements AsyncDisposable {
  readonly console: Console
  readonly #machine: Machine
  readonly #recorder: ConsoleRecorder
  readonly #folder: string

  constructor(console: Console, machine: Machine, recorder: ConsoleRecorder, folder: string) {
    this.console = console
    this.#machine = machine
    this.#recorder = recorder
    this.#folder = folder
  }

  /** What a stage gets; it looks from the beginning unless told otherwise. */
  context(more: Partial<StageContext> = {}): StageContext {
    const { console } = this
    return {
      console,
      from: 0,
      commandLine: '',
      timeoutMs: 180_000,
      signal: new AbortController().signal,
      ...more,
    }
  }

  /** Everything that was recorded so far: raw bytes and log. */
  async recorded(): Promise<string> {
    const files = ['board.raw', 'board.log'].map((name) => readFile(path.join(this.#folder, name), 'latin1'))
    return (await Promise.all(files)).join('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#machine.close()
    this.console.close('the machine was closed')
    this.#recorder[Symbol.dispose]()
    await rm(this.#folder, { recursive: true })
  }
}

/** Starts a machine whose firmware has this disk, if any; `extraArgs` name the firmware. */
export async function startFirmware(
  t: ExecutionContext,
  arch: keyof typeof machines,
  disk: string | undefined,
  extraArgs: string[],
): Promise<FirmwareMachine> {
  const { program, packages, type, cpu, options } = machines[arch]
  const qemu = await ensureProgram({ program, packages })
  const folder = await mkdtemp(path.join(tmpdir(), 'stage-test-'))
  const recorder = new ConsoleRecorder({
    ...{ folder, board: 'board', originNs: process.hrtime.bigint() },
    onFailure: (error) => t.log(error.message),
  })
  const holder: { machine?: Machine } = {}
  const console = new Console({ write: (bytes) => holder.machine!.write(bytes) }, recorder)
  const machine: QemuMachineDescription = {
    type,
    cpu,
    options,
    cpus: 2,
    memory: 1024,
    accelerator: 'tcg',
    extraArgs,
  }
  holder.machine = await startMachine({
    ...{ name: 'stage test', arch, program: qemu, machine },
    drives: disk === undefined ? [] : [{ path: disk, snapshot: true }],
    onConsole: (chunk, atNs) => console.feed(chunk, atNs),
  })
  return new FirmwareMachine(console, holder.machine, recorder, folder)
}
