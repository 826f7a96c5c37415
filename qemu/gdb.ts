/** A client for QEMU's gdb stub: breakpoints, registers and virtual memory of a machine that runs (docs/system/gdb.rst). */
import { once } from 'node:events'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { LabError } from '../harness/errors.ts'
import { encodePacket, PacketReader, parseStop, type Stop } from './gdb-packets.ts'
import type { QmpClient } from './qmp.ts'
import { privateFolder, removeFolder } from './sockets.ts'

/** A stop with the monotonic clock when it was told. */
export type StampedStop = Stop & { atNs: bigint }

type WaitOptions = { signal?: AbortSignal; timeoutMs?: number }

/** How long QEMU may take to answer a packet; a busy host makes it slow. */
const answerTimeoutMs = 10_000
const interruptByte = '\x03'
/** As many bytes as one packet is asked for. */
const longestRead = 4096

/**
 * A connection to the stub. While the machine runs the stub takes any byte for an interruption, so that everything but
 * `interrupt` and `nextStop` is for a machine that stands still.
 */
export class GdbStub {
  readonly #socket: Socket
  readonly #reader = new PacketReader()
  readonly #stops: StampedStop[] = []
  #onStop: ((stop: StampedStop) => void) | undefined
  #onAnswer: ((packet: string) => void) | undefined
  readonly #broken = Promise.withResolvers<never>()

  /**
   * Starts the stub on a socket of its own and connects, which stops the machine; breakpoints that somebody left are
   * removed. Throws LabError when QEMU can't.
   */
  static async attach(qmp: QmpClient): Promise<GdbStub> {
    const folder = await privateFolder()
    try {
      const path = join(folder, 'gdb.sock')
      // QEMU has one stub, and refuses to start it again on a socket while it has one.
      await qmp.humanMonitor('gdbserver none')
      const answer = await qmp.humanMonitor(`gdbserver unix:${path},server=on,wait=off`)
      const stub = new GdbStub(await connect(path, answer))
      await stub.#greet()
      return stub
    } finally {
      // The connected socket needs no path.
      await removeFolder(folder)
    }
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#broken.promise.catch(() => {})
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    // An error is always followed by 'close'.
    socket.on('error', () => {})
    socket.on('close', () => this.#fail(new LabError('QEMU closed the connection of its gdb stub')))
  }

  /**
   * Sends a packet and gives the answer; one at a time. Throws LabError: an error (`E14`), a packet that QEMU does not know, or
   * no answer, after which the connection is of no use.
   */
  async request(packet: string): Promise<string> {
    const answered = Promise.withResolvers<string>()
    this.#onAnswer = answered.resolve
    this.#send(encodePacket(packet))
    const answer = await this.#within(answered.promise, `an answer to ${packet}`, answerTimeoutMs)
    if (!/^(E[\da-f]{2})?$/.test(answer)) return answer
    throw new LabError(`the gdb stub refused ${packet}${answer && `: ${answer}`}`)
  }

  /** Sets a hardware breakpoint, which leaves the guest's memory as it is and needs none to be mapped there yet. */
  async setBreakpoint(address: bigint): Promise<void> {
    await this.request(`Z1,${address.toString(16)},1`)
  }

  async removeBreakpoint(address: bigint): Promise<void> {
    await this.request(`z1,${address.toString(16)},1`)
  }

  /** Reads guest-virtual memory, through the page tables of the CPU that stopped last. */
  async readMemory(address: bigint, length: number): Promise<Buffer> {
    if (length > longestRead) throw new RangeError(`${length} bytes do not fit one packet`)
    const bytes = Buffer.from(await this.request(`m${address.toString(16)},${length.toString(16)}`), 'hex')
    if (bytes.length === length) return bytes
    throw new LabError(`the gdb stub gave ${bytes.length} of ${length} bytes at 0x${address.toString(16)}`)
  }

  /**
   * Reads a register of the CPU that stopped last, by GDB's number: one of those at the front of the answer to `g`, which are
   * all 64 bits wide (x86_64: 0 to 16, arm64: 0 to 32). QEMU 7.2 answers `p` only to a client that read its XML before.
   */
  async readRegister(number: number): Promise<bigint> {
    const registers = Buffer.from(await this.request('g'), 'hex')
    if (registers.length >= 8 * (number + 1)) return registers.readBigUInt64LE(8 * number)
    throw new LabError(`the gdb stub gave ${registers.length} bytes of registers: none is number ${number}`)
  }

  /** Numbers of all CPUs. */
  async cpus(): Promise<number[]> {
    const cpus: number[] = []
    for (let command = 'qfThreadInfo'; ; command = 'qsThreadInfo') {
      const answer = await this.request(command)
      if (!answer.startsWith('m')) return cpus
      cpus.push(
        ...answer
          .slice(1)
          .split(',')
          .map((thread) => Number.parseInt(thread, 16) - 1),
      )
    }
  }

  /**
   * Lets the machine run on. It answers only when it stops: see `nextStop`. At an address with a breakpoint it stops there
   * again at once: remove that first.
   */
  resume(): void {
    this.#send(encodePacket('c'))
  }

  /** Lets the CPU that stopped last execute one instruction while the others run; the stop after it is told by `nextStop`. */
  step(): void {
    this.#send(encodePacket('s'))
  }

  /** Stops a machine that runs; the stop is told by `nextStop`. */
  interrupt(): void {
    this.#send(interruptByte)
  }

  /** The next stop that was not handed out yet. Without `timeoutMs` it waits for as long as the signal allows. */
  async nextStop({ signal, timeoutMs }: WaitOptions = {}): Promise<StampedStop> {
    signal?.throwIfAborted()
    const early = this.#stops.shift()
    if (early !== undefined) return early
    const stopped = Promise.withResolvers<StampedStop>()
    const onAbort = () => stopped.reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#onStop = stopped.resolve
    try {
      return await this.#within(stopped.promise, 'a stop', timeoutMs)
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.#onStop = undefined
    }
  }

  /** Drops the connection. Breakpoints that are set stay, and the machine stays as it is. */
  close(): void {
    this.#socket.destroy()
  }

  /** Older stubs tell the stop of attaching by themselves, newer ones when asked: both are thrown away. */
  async #greet(): Promise<void> {
    // `?` also removes all breakpoints (gdbstub.c, handle_target_halt).
    this.#send(encodePacket('?'))
    await this.request('qC')
    this.#stops.length = 0
  }

  #send(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  #receive(chunk: Buffer): void {
    const atNs = process.hrtime.bigint()
    try {
      for (const message of this.#reader.push(chunk)) if ('packet' in message) this.#packet(message, atNs)
    } catch (cause) {
      this.#fail(new LabError(`the gdb stub sent ${(cause as Error).message}`, { cause }))
      this.#socket.destroy()
    }
  }

  #packet({ packet, intact }: { packet: string; intact: boolean }, atNs: bigint): void {
    this.#send(intact ? '+' : '-')
    const stop = intact ? parseStop(packet) : undefined
    if (stop === undefined) {
      if (intact) this.#onAnswer?.(packet)
    } else if (this.#onStop === undefined) this.#stops.push({ ...stop, atNs })
    else this.#onStop({ ...stop, atNs })
  }

  #fail(error: LabError): void {
    this.#broken.reject(error)
  }

  async #within<T>(promise: Promise<T>, what: string, timeoutMs: number | undefined): Promise<T> {
    const late = Promise.withResolvers<never>()
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(
            () => late.reject(new LabError(`the gdb stub did not send ${what} within ${timeoutMs / 1000} s`)),
            timeoutMs,
          )
    try {
      return await Promise.race([promise, late.promise, this.#broken.promise])
    } finally {
      clearTimeout(timer)
    }
  }
}

async function connect(path: string, answer: string): Promise<Socket> {
  const socket = createConnection(path)
  try {
    await once(socket, 'connect')
    return socket
  } catch (cause) {
    throw new LabError(`QEMU did not start its gdb stub: ${answer.trim().slice(0, 200)}`, { cause })
  }
}
