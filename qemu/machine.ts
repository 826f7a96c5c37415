/** One QEMU machine, from its start to its end. */
import { type FileHandle, open } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../harness/errors.ts'
import {
  type AcceleratorName,
  type Drive,
  firstInheritedFd,
  type QemuArch,
  type QemuMachineDescription,
  type QemuProgram,
  qemuArguments,
} from './arguments.ts'
import { keepAwake } from './icount.ts'
import { type QemuExit, type QemuProcess, startFailure, startQemu } from './process.ts'
import { QmpClient, type QmpEvent } from './qmp.ts'
import { type Listener, listenOnce, privateFolder, removeFolder } from './sockets.ts'
import { Wire } from './traffic.ts'

export type MachineOptions = {
  program: QemuProgram
  arch: QemuArch
  machine: QemuMachineDescription
  kernel?: string
  initramfs?: string
  append?: string
  drives?: Drive[]
  /** A state that such a machine was kept in (state.ts): it goes on from there instead of booting. */
  state?: string | undefined
  /** Called with each piece of console output as it arrives, and the monotonic clock at that moment. */
  onConsole: (chunk: Buffer, atNs: bigint) => void
  /** Aborts the start. A machine that was started is ended by closing it. */
  signal?: AbortSignal
  name: string
}

/** Bound on the way from the start of QEMU to its two connections. */
const connectTimeoutMs = 30_000
/** How long QEMU may take to end by itself before it is killed. */
const quitTimeoutMs = 2_000
/** How long a QEMU whose connection broke may take to end and so to say why. */
const endTimeoutMs = 5_000
const keptEvents = 1_000

/**
 * Starts QEMU, connects console and QMP, and lets the guest run.
 * Throws LabError (QEMU missing, a port in use, no memory …) or UsageError (QEMU does not know an option, a
 * device or a property) with QEMU's own words, or the signal's reason when it aborts.
 */
export async function startMachine(options: MachineOptions): Promise<Machine> {
  options.signal?.throwIfAborted()
  await using resources = new AsyncDisposableStack()
  const folder = await privateFolder()
  resources.defer(() => removeFolder(folder))
  const [consoleListener, qmpListener] = await Promise.all([
    listenOnce(join(folder, 'console.sock')),
    listenOnce(join(folder, 'qmp.sock')),
  ])
  resources.defer(() => {
    consoleListener.close()
    qmpListener.close()
  })
  const nics = options.machine.nics?.length ?? 0
  const state = options.state === undefined ? undefined : resources.use(await openState(options.state))
  const args = qemuArguments(
    {
      ...options,
      stateFd: state && firstInheritedFd + nics,
      drives: await Promise.all((options.drives ?? []).map(withFormat)),
      consoleSocket: consoleListener.path,
      qmpSocket: qmpListener.path,
    },
    options.program,
  )
  const qemu = await startQemu(options.program, args, { inherited: nics, file: state?.fd })
  const wires = qemu.inherited.map((socket) => new Wire(socket))
  resources.defer(async () => {
    qemu.kill('SIGKILL')
    await qemu.exited
  })
  const sockets = await connected(qemu, options, [consoleListener, qmpListener])
  // Connected sockets need no path, and a harness that is killed leaves nothing behind.
  await removeFolder(folder)
  const qmp = new QmpClient(sockets.qmp)
  const machine = new Machine({ ...options, args, qemu, qmp, wires, console: sockets.console })
  await firstCommands(machine, options)
  if (options.machine.accelerator === 'icount') keepAwake(machine)
  // QEMU has a descriptor of its own.
  await state?.close()
  resources.move()
  return machine
}

type MachineParts = MachineOptions & {
  args: string[]
  qemu: QemuProcess
  qmp: QmpClient
  wires: Wire[]
  console: Socket
}

/** A running QEMU. Close it with `await using` or `close()`. */
export class Machine implements AsyncDisposable {
  readonly name: string
  readonly arch: QemuArch
  readonly accelerator: AcceleratorName
  /** QEMU's arguments, as they were passed. */
  readonly args: readonly string[]
  readonly pid: number
  readonly qmp: QmpClient
  /** The harness's ends of the cables to the guest's network cards, in the order of the description's `nics`. */
  readonly wires: readonly Wire[]
  /** Monotonic clock when the process was started. */
  readonly startedAtNs: bigint
  /** Resolves when QEMU is gone and the last console byte was handed over; never rejects. */
  readonly exited: Promise<QemuExit>
  readonly #qemu: QemuProcess
  readonly #console: Socket
  readonly #events: QmpEvent[] = []
  #closing: Promise<void> | undefined

  constructor({ name, arch, machine, args, qemu, qmp, wires, console, onConsole }: MachineParts) {
    this.name = name
    this.arch = arch
    this.accelerator = machine.accelerator
    this.args = args
    this.pid = qemu.pid
    this.startedAtNs = qemu.startedAtNs
    this.qmp = qmp
    this.wires = wires
    this.#qemu = qemu
    this.#console = console
    const consoleEnded = drain(console, onConsole)
    this.exited = Promise.all([qemu.exited, consoleEnded]).then(([exit]) => exit)
    qmp.onEvent((event) => {
      this.#events.push(event)
      if (this.#events.length > keptEvents) this.#events.shift()
    })
  }

  /** QMP events since the start, oldest first (the last 1000). */
  get events(): readonly QmpEvent[] {
    return this.#events
  }

  /** Why the guest stopped for good, as SHUTDOWN says it (`guest-reset`, `guest-shutdown`, `guest-panic` …). */
  get shutdownReason(): string | undefined {
    const reasons = this.#events
      .filter(({ name }) => name === 'SHUTDOWN')
      .map(({ data }) => String(data.reason))
    // Closing the machine is no reason of the guest's.
    return reasons.findLast((reason) => reason !== 'host-qmp-quit')
  }

  /** What QEMU wrote to standard output and error so far: warnings, mostly. */
  get output(): string {
    return this.#qemu.output()
  }

  /** Calls `listener` for each QMP event from now on; the function it gives back stops that. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    return this.qmp.onEvent(listener)
  }

  /** Sends bytes to the console; resolves when they left the harness, rejects with LabError when QEMU is gone. */
  async write(bytes: string | Uint8Array): Promise<void> {
    const gone = (cause?: Error) =>
      new LabError(`cannot write to the console of ${this.name}: QEMU is gone`, { cause })
    if (!this.#console.writable) throw gone()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onClose = () => reject(gone())
    this.#console.once('close', onClose)
    this.#console.write(bytes, (error) => (error ? reject(gone(error)) : resolve()))
    try {
      await promise
    } finally {
      this.#console.off('close', onClose)
    }
  }

  /** Ends QEMU (by `quit`, then by SIGKILL); a second call waits for the first. */
  async close(): Promise<void> {
    this.#closing ??= this.#end()
    await this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #end(): Promise<void> {
    const stop = new AbortController()
    this.qmp.execute('quit', undefined, { timeoutMs: quitTimeoutMs }).catch(() => {})
    const late = sleep(quitTimeoutMs, undefined, { signal: stop.signal }).catch(() => {})
    await Promise.race([this.#qemu.exited, late])
    stop.abort()
    this.#qemu.kill('SIGKILL')
    await this.exited
    this.qmp.close()
    this.#console.destroy()
  }
}

/** Reads the console to its end, whatever the listener does; resolves when it has ended. */
function drain(socket: Socket, onConsole: MachineOptions['onConsole']): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.on('data', (chunk: Buffer) => {
    const atNs = process.hrtime.bigint()
    onConsole(chunk, atNs)
  })
  if (socket.closed) resolve()
  else socket.once('close', () => resolve())
  return promise
}

async function connected(
  qemu: QemuProcess,
  { program, signal }: MachineOptions,
  [consoleListener, qmpListener]: [Listener, Listener],
): Promise<{ console: Socket; qmp: Socket }> {
  const giveUp = Promise.withResolvers<never>()
  giveUp.promise.catch(() => {})
  const onAbort = () => giveUp.reject(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer = setTimeout(() => {
    giveUp.reject(
      new LabError(`${program.path} did not connect within ${connectTimeoutMs / 1000} s: ${qemu.output()}`),
    )
  }, connectTimeoutMs)
  qemu.exited.then((exit) => giveUp.reject(startFailure(program.path, exit)))
  if (signal?.aborted) onAbort()
  try {
    const both = Promise.all([consoleListener.connected, qmpListener.connected])
    const [console, qmp] = await Promise.race([both, giveUp.promise])
    return { console, qmp }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

/** QEMU connects its sockets before it makes the devices, so it may still end here with a complaint. */
async function firstCommands(machine: Machine, { program, state, signal }: MachineOptions): Promise<void> {
  const timeoutMs = connectTimeoutMs
  const running = state === undefined ? undefined : resumed(machine, timeoutMs, signal)
  running?.catch(() => {})
  try {
    await machine.qmp.negotiate({ signal, timeoutMs })
    await machine.qmp.execute('cont', undefined, { signal, timeoutMs })
    await running
  } catch (error) {
    signal?.throwIfAborted()
    // A QEMU that complains closes its sockets a moment before it ends.
    const ended = await Promise.race([machine.exited, sleep(endTimeoutMs)])
    throw ended === undefined ? error : startFailure(program.path, ended)
  }
}

/** With a state to load `cont` only asks for it: the guest runs when it is loaded. QEMU ends where it can't be. */
async function resumed(machine: Machine, timeoutMs: number, signal?: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const stop = machine.onEvent(({ name }) => name === 'RESUME' && resolve())
  const fail = (words: string) => reject(new LabError(`QEMU ${words} its state`))
  const late = setTimeout(() => fail(`did not within ${timeoutMs / 1000} s load`), timeoutMs)
  const onAbort = () => reject(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  machine.exited.then(() => fail('ended while it loaded'))
  try {
    await promise
  } finally {
    stop()
    clearTimeout(late)
    signal?.removeEventListener('abort', onAbort)
  }
}

async function openState(path: string): Promise<FileHandle> {
  try {
    return await open(path)
  } catch (cause) {
    throw new LabError(`cannot read the state ${path}: ${(cause as Error).message}`, { cause })
  }
}

/** QEMU's own guess of an image's format warns and restricts writes, so the harness looks instead. */
async function withFormat(drive: Drive): Promise<Drive> {
  if (drive.format !== undefined) return drive
  try {
    await using file = await open(drive.path)
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return { ...drive, format: buffer.equals(Buffer.from('QFI\xfb', 'latin1')) ? 'qcow2' : 'raw' }
  } catch (cause) {
    throw new LabError(`cannot read the disk ${drive.path}: ${(cause as Error).message}`, { cause })
  }
}
