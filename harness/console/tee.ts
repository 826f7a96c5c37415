/** One reader reads a console; whoever else wants to see it attaches to this tee. */
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import { LabError } from '../errors.ts'
import { connectUnix } from './attached.ts'
import { encodeFrame, FrameReader, type FrameType } from './tee-frames.ts'
import type { Lateness } from './transport.ts'

/** What an attached program may ask for; each rejects with LabError where it can't be done. */
export type TeeInput = {
  write(bytes: Buffer): Promise<void>
  /** False: this console has no way to. */
  sendBreak(): Promise<boolean>
  reopen(): Promise<void>
  readonly lateness?: Lateness | undefined
  /** Gives the console up for whoever asked; absent: it is kept. */
  yield?(): void
}

/** A viewer that reads this much too slowly is dropped: it must neither stall the board nor fill the memory. */
const maxUnreadBytes = 8 * 1024 * 1024

/** Shorter than what a person or an echo check notices. */
const tellMs = 4

/** The socket of a board's tee, in a folder that only this user can enter. */
export function consoleSocket(board: string): string {
  const base = process.env.XDG_RUNTIME_DIR || tmpdir()
  return path.join(base, `kexec-harness-${userInfo().uid}`, `${board}.sock`)
}

export class Tee implements AsyncDisposable {
  readonly path: string
  readonly #server: Server
  readonly #clients = new Set<Socket>()
  #untold: Buffer[] = []
  #telling: NodeJS.Timeout | undefined

  private constructor(socketPath: string, server: Server) {
    this.path = socketPath
    this.#server = server
  }

  /**
   * Offers a console at its socket. Throws LabError where another process offers it already, or the socket can't
   * be made.
   */
  static async offer(board: string, input: TeeInput, socketPath = consoleSocket(board)): Promise<Tee> {
    await claim(board, socketPath)
    const server = createServer()
    const tee = new Tee(socketPath, server)
    server.on('connection', (socket) => tee.#serve(socket, input))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen(socketPath, resolve)
    try {
      await promise
    } catch (cause) {
      throw new LabError(
        `the console of ${board} can't be offered at ${socketPath}: ${(cause as Error).message}`,
        {
          cause,
        },
      )
    }
    // Nobody waits for this server: it must not keep the process alive.
    server.unref()
    return tee
  }

  /** Hands on what arrived, a moment later and with its stamp: a write for each piece would delay the stamps of others. */
  bytes(chunk: Buffer, atNs: bigint): void {
    if (this.#clients.size === 0) return
    this.#untold.push(encodeFrame('bytes', chunk, atNs))
    this.#telling ??= setTimeout(() => this.#tell(), tellMs)
  }

  lost(reason: string, atNs: bigint): void {
    this.#tell(encodeFrame('lost', reason, atNs))
  }

  back(atNs: bigint): void {
    this.#tell(encodeFrame('back', '', atNs))
  }

  gone(error: LabError): void {
    this.#tell(encodeFrame('gone', JSON.stringify({ message: error.message, hint: error.hint })))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#tell()
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#server.close(() => resolve())
    for (const client of this.#clients) client.end()
    // Those that don't read their end would be waited for without end.
    for (const client of this.#clients) client.destroySoon()
    await promise
  }

  /** Tells what was not told yet, and then this. */
  #tell(frame?: Buffer): void {
    clearTimeout(this.#telling)
    this.#telling = undefined
    const frames = Buffer.concat(frame ? [...this.#untold, frame] : this.#untold)
    this.#untold = []
    if (frames.length === 0) return
    for (const client of this.#clients) {
      if (client.writableLength > maxUnreadBytes) client.destroy()
      else client.write(frames)
    }
  }

  #serve(socket: Socket, input: TeeInput): void {
    const reader = new FrameReader()
    let last = Promise.resolve()
    this.#clients.add(socket)
    socket.write(encodeFrame('hello', JSON.stringify(input.lateness ?? null)))
    socket.on('error', () => {})
    socket.on('close', () => this.#clients.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const { type, payload } of reader.push(chunk)) {
          const bytes = Buffer.from(payload)
          last = last.then(async () => void socket.write(await answer(type, bytes, input)))
        }
      } catch {
        socket.destroy()
      }
    })
  }
}

async function answer(type: FrameType, payload: Buffer, input: TeeInput): Promise<Buffer> {
  try {
    if (type === 'write') await input.write(payload)
    else if (type === 'reopen') await input.reopen()
    else if (type === 'yield' && input.yield) input.yield()
    else if (type === 'break') return encodeFrame('done', (await input.sendBreak()) ? 'sent' : 'none')
    else return encodeFrame('refused', JSON.stringify({ message: `a tee takes no ${type}` }))
    return encodeFrame('done')
  } catch (error) {
    const { message, hint } = error as LabError
    return encodeFrame('refused', JSON.stringify({ message, hint }))
  }
}

/** Makes the folder, and takes away the socket of a process that died. */
async function claim(board: string, socketPath: string): Promise<void> {
  const folder = path.dirname(socketPath)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    chmodSync(folder, 0o700)
  } catch (cause) {
    throw new LabError(
      `the folder ${folder} for the consoles' sockets can't be used: ${(cause as Error).message}`,
      {
        hint: 'Set XDG_RUNTIME_DIR to a folder of your own.',
        cause,
      },
    )
  }
  const other = await connectUnix(socketPath).catch(() => undefined)
  if (other && !(await yields(other))) {
    throw new LabError(`the console of ${board} is read by another process of yours already`, {
      hint: `See it with: npm run console -- ${board}`,
    })
  }
  rmSync(socketPath, { force: true })
}

/** Asks whoever reads the console to give it up; true once it has. */
async function yields(other: Socket): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const reader = new FrameReader()
  const timer = setTimeout(() => resolve(false), yieldLimitMs)
  other.on('error', () => {})
  other.on('close', () => resolve(true))
  other.on('data', (chunk: Buffer) => {
    try {
      if (reader.push(chunk).some(({ type }) => type === 'refused')) resolve(false)
    } catch {
      resolve(false)
    }
  })
  other.write(encodeFrame('yield'))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    other.destroy()
  }
}

/** Closing a console takes a few seconds at most. */
const yieldLimitMs = 15_000
