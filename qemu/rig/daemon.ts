/** The programs that the rig runs until it is closed, and the ports that they listen on. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { LabError } from '../../harness/errors.ts'
import type { ProgramToRun } from '../../images/host-packages.ts'
import { dieWithParent } from '../process.ts'

export type DaemonOptions = {
  program: Pick<ProgramToRun, 'path' | 'env' | 'extraArgs'>
  args: string[]
  /** How messages call it: `ser2net of juno`. */
  what: string
  /** Asked again and again until it says true. */
  ready: (daemon: Daemon) => Promise<boolean> | boolean
  signal: AbortSignal
}

/** How long a daemon may take until it is ready. Python on a busy machine takes seconds. */
const readyTimeoutMs = 60_000
const askEveryMs = 20
const keptOutput = 8 * 1024

/**
 * Starts a program that dies with this process, and waits until it is ready.
 * Throws LabError (it ended, or was not ready in time) or the signal's reason.
 */
export async function startDaemon({ program, args, what, ready, signal }: DaemonOptions): Promise<Daemon> {
  signal.throwIfAborted()
  const daemon = new Daemon(what, program, args)
  const deadline = performance.now() + readyTimeoutMs
  try {
    while (!(await ready(daemon))) {
      if (daemon.ended) throw new LabError(`${what} ended at its start: ${daemon.words}`)
      if (performance.now() > deadline)
        throw new LabError(`${what} was not ready within ${readyTimeoutMs / 1000} s: ${daemon.words}`)
      await sleep(askEveryMs, undefined, { signal })
    }
    return daemon
  } catch (error) {
    await daemon[Symbol.asyncDispose]()
    throw error
  }
}

/** A program of the rig. Its standard input and output are the rig's. */
export class Daemon implements AsyncDisposable {
  readonly pid: number | undefined
  readonly stdin: Writable
  readonly stdout: Readable
  /** Resolves when it is gone, however it ended. */
  readonly exited: Promise<void>
  /** What it wrote to standard error, or its end if it was much. */
  errors = ''
  ended = false
  readonly #what: string
  readonly #kill: () => void
  #failure = ''

  constructor(what: string, { path, env, extraArgs }: DaemonOptions['program'], args: string[]) {
    const child = execa(...dieWithParent([path, ...extraArgs, ...args]), {
      env,
      // An idle program would keep this file open, and Ctrl-C is for the harness alone.
      detached: true,
      buffer: false,
      reject: false,
      encoding: 'buffer',
    })
    this.#what = what
    this.pid = child.pid
    this.stdin = child.stdin
    this.stdout = child.stdout
    // A program that ends breaks the pipe to it; `exited` tells.
    this.stdin.on('error', () => {})
    // Whoever wants the output listens to it; a full pipe would stop a program that talks.
    this.stdout.resume()
    child.stderr.on('data', (chunk: Buffer) => {
      this.errors = (this.errors + chunk.toString('utf8')).slice(-keptOutput)
    })
    this.exited = child.then((result) => {
      this.ended = true
      this.#failure = result.shortMessage ?? 'without a word'
    })
    this.#kill = () => child.kill('SIGKILL')
  }

  /** Its last words, on one line. */
  get words(): string {
    const lines = this.errors.split('\n').filter((line) => line.trim() !== '')
    return lines.slice(-5).join('; ') || this.#failure || `nothing was heard of ${this.#what}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#kill()
    await this.exited
  }
}

type Protocol = 'tcp' | 'udp'
const attempts = 4

/**
 * Starts something on a free port of the loopback. The kernel's choice may be taken by the time it is used, so
 * this is tried again with another one.
 */
export async function onFreePort<T>(protocol: Protocol, start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(protocol)
    try {
      return await start(port)
    } catch (error) {
      if (!(error instanceof PortTaken) || attempt === attempts) throw error
    }
  }
}

/** A port of the loopback that is free at the moment. */
export async function freePort(protocol: Protocol): Promise<number> {
  if (protocol === 'udp') {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const { port } = socket.address()
    socket.close()
    await once(socket, 'close')
    return port
  }
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Somebody else has the port that was free a moment ago. */
export class PortTaken extends LabError {}

/** TCP_LISTEN in include/net/tcp_states.h. */
const listening = '0A'

/**
 * Whether a daemon has its port. It is looked up and not connected to, since a connection is what ser2net opens its
 * device for. Throws PortTaken, a LabError, when somebody else has it.
 */
export async function hasPort(daemon: Daemon, protocol: Protocol, port: number): Promise<boolean> {
  const table = await readFile(`/proc/net/${protocol}`, 'utf8')
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const inodes = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(end) && (protocol === 'udp' || state === listening))
    .map((fields) => fields[9])
  if (inodes.length === 0) return false
  const own = await socketsOf(daemon.pid)
  if (inodes.some((inode) => own.has(`socket:[${inode}]`))) return true
  throw new PortTaken(`another program has the port ${port}`)
}

async function socketsOf(pid: number | undefined): Promise<Set<string>> {
  const folder = `/proc/${pid}/fd`
  const names = await readdir(folder).catch(() => [])
  return new Set(await Promise.all(names.map((name) => readlink(`${folder}/${name}`).catch(() => ''))))
}
