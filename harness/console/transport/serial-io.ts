/** Bytes of an open serial port, read and written in the event loop. */
import { readSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../../errors.ts'
import type { ConnectionSink } from '../transport.ts'

/** What is used of serialport's binding for Linux (LinuxPortBinding of @serialport/bindings-cpp 13). */
export type OpenPort = {
  readonly fd: number | null
  readonly poller: {
    on(event: 'readable', callback: (error: Error | null) => void): void
    poll(events: number): void
  }
  get(): Promise<unknown>
  set(options: {
    brk: boolean
    dtr: boolean
    rts: boolean
    cts: boolean
    dsr: boolean
    lowLatency: boolean
  }): Promise<void>
  close(): Promise<void>
}

/** EVENTS.UV_READABLE of the binding's dist/poller.js. */
const readable = 1
const poolBytes = 65_536
/** The kernel hands out at most this much of a tty at a time (N_TTY_BUF_SIZE). */
const readBytes = 4096
/** Between two attempts to write to a port whose buffer is full. */
const fullMs = 5

/**
 * Reads and writes without serialport's stream, because of its binding:
 * - its read begins again at once where a hung up terminal answers 0 bytes, without end (dist/unix-read.js);
 * - its poller waits for one kind of event at a time (src/poller.cpp: uv_poll_start with the newest one only), so that
 *   a write that waits for flow control ends the reading, or a read the writing;
 * - each read goes through the thread pool, which delays the stamp.
 */
export class SerialIo {
  readonly #port: OpenPort
  readonly #sink: ConnectionSink
  #pool = Buffer.allocUnsafeSlow(poolBytes)
  #used = 0
  #over: string | undefined
  /** What was read and not handed on yet. */
  readonly #read: { chunk: Buffer; atNs: bigint }[] = []

  constructor(port: OpenPort, sink: ConnectionSink) {
    this.#port = port
    this.#sink = sink
  }

  start(): void {
    this.#port.poller.on('readable', this.#onReadable)
    this.#poll()
  }

  /** It tells of one event only; its `once` would make a new listener for each piece of sixteen bytes. */
  #poll(): void {
    if (this.#over === undefined) this.#port.poller.poll(readable)
  }

  /** Resolves when the kernel has all bytes. */
  async write(bytes: Buffer): Promise<void> {
    for (let start = 0; start < bytes.length; ) {
      if (this.#over !== undefined) throw new LabError(`the serial port is closed: ${this.#over}`)
      const written = this.#tryWrite(bytes, start)
      start += written
      if (written === 0) await sleep(fullMs)
    }
  }

  async close(): Promise<void> {
    this.#over ??= 'closed'
    if (this.#port.fd !== null) await this.#port.close()
  }

  readonly #onReadable = (pollError: Error | null) => {
    if (this.#over !== undefined) return
    // What came before the hang-up is still there to be read.
    if (!this.#readAll()) return
    if (pollError) this.#end('the port hung up')
    else this.#poll()
  }

  /** False once the port is over. */
  #readAll(): boolean {
    for (let count = 0; count < poolBytes / readBytes; count++) {
      const chunk = this.#tryRead()
      // Not before: a process that has to wait right then reads bytes that come after its stamp.
      const atNs = process.hrtime.bigint()
      if (typeof chunk === 'string') {
        this.#end(chunk)
        return false
      }
      if (chunk === undefined) return true
      this.#handOn(chunk, atNs)
      if (chunk.length < readBytes) return true
    }
    return true
  }

  /**
   * Once every port that has something was read: what is made of the bytes of one must not delay the stamps of the
   * others (setImmediate() comes after libuv has told of all of them).
   */
  #handOn(chunk: Buffer, atNs: bigint): void {
    if (this.#read.push({ chunk, atNs }) === 1) setImmediate(this.#deliver)
  }

  readonly #deliver = () => {
    for (const { chunk, atNs } of this.#read.splice(0)) this.#sink.bytes(chunk, atNs)
  }

  /** A chunk, undefined where nothing is there yet, or why nothing will come any more. */
  #tryRead(): Buffer | string | undefined {
    if (poolBytes - this.#used < readBytes) {
      this.#pool = Buffer.allocUnsafeSlow(poolBytes)
      this.#used = 0
    }
    try {
      const length = readSync(this.#port.fd!, this.#pool, this.#used, readBytes, null)
      if (length === 0) return 'the port hung up, as an adapter does that is unplugged'
      this.#used += length
      return this.#pool.subarray(this.#used - length, this.#used)
    } catch (error) {
      return isAgain(error) ? undefined : `the port hung up (${codeOf(error)})`
    }
  }

  #tryWrite(bytes: Buffer, start: number): number {
    try {
      return writeSync(this.#port.fd!, bytes, start, bytes.length - start)
    } catch (error) {
      if (isAgain(error)) return 0
      throw new LabError(`the serial port takes no input (${codeOf(error)})`, { cause: error })
    }
  }

  #end(reason: string): void {
    this.#deliver()
    this.#over = reason
    this.#sink.ended(reason)
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}

function isAgain(error: unknown): boolean {
  return ['EAGAIN', 'EWOULDBLOCK', 'EINTR'].includes(codeOf(error))
}
