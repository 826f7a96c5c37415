/** A console that another process reads: attached to through its tee. */
import { connect, type Socket } from 'node:net'
import { LabError } from '../errors.ts'
import type { Transport } from './console.ts'
import type { LinkEvents } from './link.ts'
import { encodeFrame, type Frame, FrameReader, type FrameType } from './tee-frames.ts'
import type { Lateness } from './transport.ts'

/** Connects to a Unix socket. Rejects with what the system says. */
export function connectUnix(socketPath: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const socket = connect(socketPath, () => resolve(socket))
  socket.once('error', reject)
  return promise
}

/**
 * Attaches to a board's tee. `gone` is told when the reader ends, too. Throws LabError where nobody reads the console.
 * @param socketPath of `consoleSocket(board)`
 */
export async function attach(board: string, socketPath: string, events: LinkEvents): Promise<Attached> {
  let socket: Socket
  try {
    socket = await connectUnix(socketPath)
  } catch (cause) {
    throw new LabError(`nobody reads the console of ${board} now`, {
      hint: `Looked for ${socketPath}.`,
      cause,
    })
  }
  const attached = new Attached(board, socket, events)
  await attached.greeted
  return attached
}

/** What a Link is to its process, for another one. */
export class Attached implements Transport, AsyncDisposable {
  readonly #board: string
  readonly #socket: Socket
  readonly #events: LinkEvents
  readonly #reader = new FrameReader()
  readonly #asked: { resolve: (payload: Buffer) => void; reject: (error: LabError) => void }[] = []
  readonly #hello = Promise.withResolvers<void>()
  #lateness: Lateness | undefined
  #closed = false

  constructor(board: string, socket: Socket, events: LinkEvents) {
    this.#board = board
    this.#socket = socket
    this.#events = events
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#data(chunk))
    socket.on('close', () => this.#end(new LabError(`the process that read the console of ${board} ended`)))
  }

  /** Resolves once the tee has answered; rejects with LabError where it does not. */
  get greeted(): Promise<void> {
    return this.#hello.promise
  }

  get lateness(): Lateness | undefined {
    return this.#lateness
  }

  async write(bytes: Buffer): Promise<void> {
    await this.#ask('write', bytes)
  }

  /** Sends a serial BREAK. False: the console has no way to. */
  async sendBreak(): Promise<boolean> {
    return (await this.#ask('break')).toString() === 'sent'
  }

  /** Closes a connection to the board that seems hung and opens it again. */
  async reopen(): Promise<void> {
    await this.#ask('reopen')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#socket.destroy()
  }

  #ask(type: FrameType, payload?: Buffer): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
    if (this.#socket.destroyed) reject(new LabError(`nobody reads the console of ${this.#board} any more`))
    else {
      this.#asked.push({ resolve, reject })
      this.#socket.write(encodeFrame(type, payload))
    }
    return promise
  }

  #data(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.push(chunk)) this.#frame(frame)
    } catch (cause) {
      this.#end(new LabError(`what answers for the console of ${this.#board} is no tee of ours`, { cause }))
      this.#socket.destroy()
    }
  }

  #frame({ type, atNs, payload }: Frame): void {
    if (type === 'hello') this.#greet(payload)
    else if (type === 'bytes') this.#events.bytes(payload, atNs)
    else if (type === 'lost') this.#events.lost(payload.toString(), atNs)
    else if (type === 'back') this.#events.back(atNs)
    else if (type === 'gone') this.#end(toLabError(payload))
    else if (type === 'done') this.#asked.shift()?.resolve(payload)
    else if (type === 'refused') this.#asked.shift()?.reject(toLabError(payload))
  }

  #greet(payload: Buffer): void {
    this.#lateness = (JSON.parse(payload.toString()) as Lateness | null) ?? undefined
    this.#hello.resolve()
  }

  #end(error: LabError): void {
    this.#hello.promise.catch(() => {})
    this.#hello.reject(error)
    for (const { reject } of this.#asked.splice(0)) reject(error)
    if (this.#closed) return
    this.#closed = true
    this.#events.gone(error)
  }
}

function toLabError(payload: Buffer): LabError {
  const { message, hint } = JSON.parse(payload.toString()) as { message: string; hint?: string }
  return new LabError(message, hint === undefined ? {} : { hint })
}
