/** What the tests of the rig share: boards that start in a blink, and what a person would do to them by hand. */
import { once } from 'node:events'
import { closeSync, constants, openSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ReadStream } from 'node:tty'
import type { ExecutionContext } from 'ava'
import { execa } from 'execa'
import { LabError } from '../../harness/errors.ts'
import { ensureProgram } from '../../images/host-packages.ts'
import { guestMachines } from '../guests/machines.ts'
import { type Rig, type RigBoard, type RigConnection, startRig } from './rig.ts'
import type { RigConsole, RigFault, RigPower } from './spec.ts'

const limitMs = 60_000

/** A board with the guest of qemu/guests, which says "boot" and sends back what is typed. */
export function testBoard(
  folder: string,
  name: string,
  [console, power]: [RigConsole['as'], RigPower['as']],
  faults: RigFault[] = [],
): RigBoard {
  const { arch, machine, program, drives } = guestMachines(folder).x86_64
  return {
    ...{ name, arch, machine, program },
    ...(drives && { drives }),
    console: { type: 'rig', as: console, baud: 115_200 },
    power: { type: 'rig', as: power, offDwell: '500ms' },
    rig: { firmware: 'none', faults },
  }
}

/** A rig of these boards; undefined, and said why, where its programs can't be had. */
export async function rigOf(
  t: ExecutionContext,
  boards: RigBoard[],
  told: string[] = [],
): Promise<Rig | undefined> {
  try {
    return await startRig(boards, {
      signal: new AbortController().signal,
      progress: (text) => told.push(text),
    })
  } catch (error) {
    if (!(error instanceof LabError) || !/can't be fetched|be installed/.test(error.message)) throw error
    t.log(`not run: ${error.message}`)
    t.pass()
    return undefined
  }
}

/** Waits for what comes by itself; AVA's timeout is the limit. */
export async function until(happened: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await happened())) await sleep(20)
}

/** A console that is open. */
export class Terminal implements AsyncDisposable {
  text = ''
  ended = false
  readonly #write: (bytes: Buffer) => void
  readonly #close: () => Promise<unknown>
  #wake = Promise.withResolvers<void>()

  constructor(write: (bytes: Buffer) => void, close: () => Promise<unknown>) {
    this.#write = write
    this.#close = close
  }

  heard(chunk: Buffer): void {
    this.text += chunk.toString('latin1')
    this.#changed()
  }

  end(): void {
    this.ended = true
    this.#changed()
  }

  type(text: string | Buffer): void {
    this.#write(Buffer.from(text))
  }

  /** Waits for a text after a position. */
  async until(wanted: string, from = 0): Promise<void> {
    await this.#when(() => this.text.includes(wanted, from), JSON.stringify(wanted))
  }

  /** Types a text again and again until it comes back: ipmitool does not tell when its session is up. */
  async insist(text: string): Promise<void> {
    const from = this.text.length
    this.type(text)
    const again = setInterval(() => this.type(text), 1000)
    try {
      await this.until(text, from)
    } finally {
      clearInterval(again)
    }
  }

  /** Waits until the other side has hung up. */
  async untilEnd(): Promise<void> {
    await this.#when(() => this.ended, 'the end')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  async #when(happened: () => boolean, what: string): Promise<void> {
    const late = setTimeout(() => this.#wake.reject(new Error(`${what} did not come: ${this.text}`)), limitMs)
    try {
      while (!happened()) await this.#wake.promise
    } finally {
      clearTimeout(late)
    }
  }

  #changed(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}

/** Not by serialport's stream, which reads a port that hung up without end and may never tell (serial-io.ts). */
export async function openSerial(path: string): Promise<Terminal> {
  const fd = openSync(path, constants.O_RDWR | constants.O_NOCTTY)
  const port = new ReadStream(fd)
  port.setRawMode(true)
  // The stream has opened the port once more, for itself.
  closeSync(fd)
  const terminal = new Terminal(
    (bytes) => port.write(bytes),
    async () => port.destroy(),
  )
  port.on('data', (chunk: Buffer) => terminal.heard(chunk))
  port.on('close', () => terminal.end())
  port.on('error', () => {})
  return terminal
}

export async function openTcp(port: unknown): Promise<Terminal> {
  const socket = connect(Number(port), '127.0.0.1')
  const terminal = new Terminal(
    (bytes) => socket.write(bytes),
    async () => socket.destroy(),
  )
  socket.on('data', (chunk) => terminal.heard(chunk))
  socket.on('close', () => terminal.end())
  await once(socket, 'connect')
  socket.on('error', () => {})
  return terminal
}

/** Serial over LAN by ipmitool, which takes `~.` as its end. */
export async function openSol(console: RigConnection['console']): Promise<Terminal> {
  const { path, env } = await ensureProgram({ program: 'ipmitool', packages: ['ipmitool'] })
  const args = ['-I', 'lanplus', '-C', String(console.cipherSuite), ...(await loginOf(console))]
  const child = execa(path, [...args, 'sol', 'activate'], { env, buffer: false, reject: false })
  const terminal = new Terminal(
    (bytes) => child.stdin.write(bytes),
    async () => {
      child.kill()
      await child
    },
  )
  child.stdout.on('data', (chunk: Buffer) => terminal.heard(chunk))
  child.stdin.on('error', () => {})
  child.then(() => terminal.end())
  return terminal
}

/** What ipmitool says of `chassis power ACTION`. */
export async function chassisPower(power: RigConnection['power'], action: string) {
  const { path, env } = await ensureProgram({ program: 'ipmitool', packages: ['ipmitool'] })
  const args = ['-I', String(power.interface), '-R', '1', ...(await loginOf(power))]
  return await execa(path, [...args, 'chassis', 'power', action], { env, reject: false })
}

async function loginOf({ port, user, password }: Record<string, unknown>): Promise<string[]> {
  const { file } = password as { file: string }
  return ['-H', '127.0.0.1', '-p', String(port), '-U', String(user), '-f', file]
}

/** Asks pdudaemon, as curl would. */
export async function pdudaemon(power: RigConnection['power'], action: 'on' | 'off', signal?: AbortSignal) {
  const query = new URLSearchParams({ hostname: String(power.hostname), port: String(power.port) })
  const url = `${power.url}/power/control/${action}?${query}`
  return await fetch(url, signal ? { signal } : {})
}

/** A switching of an LCUS-1 relay board. */
export async function lcus(power: RigConnection['power'], on: boolean): Promise<void> {
  await using port = await openSerial(String(power.path))
  const relay = Number(power.relay)
  port.type(Buffer.from([0xa0, relay, on ? 1 : 0, (0xa0 + relay + (on ? 1 : 0)) & 0xff]))
}

/** The folder of the rig in which a path of a connection lies. */
export function folderOf(power: RigConnection['power'], console: RigConnection['console']): string {
  const { file } = (power.password ?? {}) as { file?: string }
  return dirname(String(console.path ?? file))
}

/** Processes that name a folder in their arguments, by their command lines. */
export async function processesNaming(folder: string): Promise<string[]> {
  return (await commandLines()).filter((line) => line.includes(folder))
}

/** Direct children of this process, by their command lines. */
export async function children(): Promise<string[]> {
  const isChild = (stat: string) => Number(/^\d+ \(.*\) [^Z] (\d+)/s.exec(stat)?.[1]) === process.pid
  return await commandLines(isChild)
}

async function commandLines(wanted: (stat: string) => boolean = () => true): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const read = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '')
  const lines = pids.map(async (pid) => (wanted(await read(pid, 'stat')) ? await read(pid, 'cmdline') : ''))
  return (await Promise.all(lines)).filter((line) => line !== '')
}
