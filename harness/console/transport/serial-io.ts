/** Bytes of an open serial port, read and written in the event loop. */
import { readSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../../errors.ts'
import type { ConnectionSink } from '../transport.ts'

/** What is used of serialport's binding for Linux (LinuxPortBinding of @serialport/bindings-cpp 13). */
export type OpenPort = {
  readonly fd: number | null
  readonly poller: { once(event: 'readable', callback: (error: Error | null) => void): void }
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

  constructor(port: OpenPort, sink: ConnectionSink) {
    this.#port = port
    this.#sink = sink
  }

  start(): void {
    if (this.#over === undefined) this.#port.poller.once('readable', this.#onReadable)
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
    else this.start()
  }

  /** False once the port is over. */
  #readAll(): boolean {
    for (let count = 0; count < poolBytes / readBytes; count++) {
      const atNs = process.hrtime.bigint()
      const chunk = this.#tryRead()
      if (typeof chunk === 'string') {
        this.#end(chunk)
        return false
      }
      if (chunk === undefined) return true
      this.#sink.bytes(chunk, atNs)
      if (this.#over !== undefined) return false
      if (chunk.length < readBytes) return true
    }
    return true
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
