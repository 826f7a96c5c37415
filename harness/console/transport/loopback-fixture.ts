/** For tests: the lab's real programs on the loopback, started for one test and ended by their process ids. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ExecutionContext } from 'ava'
import { ensureProgram, type HostProgram } from '../../../images/host-packages.ts'
import { LabError } from '../../errors.ts'
import type { Connect, Connection, ConnectionSink } from '../transport.ts'

/** As long as a slow machine may take; nothing is measured by it. */
const patienceMs = 60_000

/** A folder and programs that are gone after the test. */
export class Lab implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'kexec-console-'))
  readonly #children: ChildProcessWithoutNullStreams[] = []

  path(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, text: string): string {
    writeFileSync(this.path(name), text, { mode: 0o600 })
    return this.path(name)
  }

  start(
    program: string,
    args: string[],
    env: NodeJS.ProcessEnv = process.env,
  ): ChildProcessWithoutNullStreams {
    const child = spawn(program, args, { env })
    child.on('error', () => {})
    child.stdin.on('error', () => {})
    child.stderr.on('data', () => {})
    this.#children.push(child)
    return child
  }

  async stop(child: ChildProcessWithoutNullStreams): Promise<void> {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGTERM')
    const kill = setTimeout(() => child.kill('SIGKILL'), 5000)
    await exited
    clearTimeout(kill)
  }

  /** A serial cable: its board's end is in the test's hands, its other end a PTY. */
  async cable(name = 'port'): Promise<Cable> {
    const path = this.path(name)
    const socat = this.start('socat', [`PTY,link=${path},rawer`, 'STDIO'])
    await until(() => existsSync(path), `the PTY ${path}`)
    return new Cable(path, socat, () => this.stop(socat))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => this.stop(child)))
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export class Cable {
  readonly path: string
  readonly #socat: ChildProcessWithoutNullStreams
  readonly #unplug: () => Promise<void>
  #heard = Buffer.alloc(0)

  constructor(path: string, socat: ChildProcessWithoutNullStreams, unplug: () => Promise<void>) {
    this.path = path
    this.#socat = socat
    this.#unplug = unplug
    socat.stdout.on('data', (chunk: Buffer) => {
      this.#heard = Buffer.concat([this.#heard, chunk])
    })
  }

  /** What was typed to the board so far. */
  get heard(): Buffer {
    return this.#heard
  }

  /** The board says something. */
  say(bytes: string | Buffer): void {
    this.#socat.stdin.write(bytes)
  }

  /** Pulls the adapter out: the PTY is gone. */
  async unplug(): Promise<void> {
    await this.#unplug()
  }
}

/** Hears a connection. */
export class Ear implements ConnectionSink {
  heard = Buffer.alloc(0)
  end: string | undefined
  readonly stampsNs: bigint[] = []

  bytes(chunk: Buffer, atNs: bigint): void {
    this.heard = Buffer.concat([this.heard, chunk])
    this.stampsNs.push(atNs)
  }

  ended(reason: string): void {
    this.end = reason
  }

  get text(): string {
    return this.heard.toString('latin1')
  }
}

/**
 * How a connection that can't be had ends, and what it said. It is told at once as a rule, by an error; where the host is
 * so slow that the connection seemed to last, by its end.
 */
export async function failureOf(connect: Connect): Promise<{ message: string; hint: string | undefined }> {
  const ear = new Ear()
  try {
    await using _connection = closing(await connect(ear, patient()))
    await until(() => ear.end !== undefined, 'the end of the connection')
    return { message: `${ear.end}; it said ${ear.text}`, hint: undefined }
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    return error as { message: string; hint: string | undefined }
  }
}

/** A connection that is closed at the end of the test. */
export function closing(connection: Connection): Connection & AsyncDisposable {
  return Object.assign(connection, { [Symbol.asyncDispose]: () => connection.close() })
}

/** Waits for something that comes soon as a rule. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (const startMs = performance.now(); !holds(); await sleep(10))
    if (performance.now() - startMs > patienceMs)
      throw new Error(`${what} did not come within ${patienceMs / 1000} s`)
}

export const patient = () => AbortSignal.timeout(patienceMs)

export const programs = {
  socat: { program: 'socat', packages: ['socat'] },
  ser2net: { program: 'ser2net', packages: ['ser2net'] },
  sshd: { program: 'sshd', packages: ['openssh-server'] },
  ipmiSim: { program: 'ipmi_sim', packages: ['openipmi'] },
  ipmitool: { program: 'ipmitool', packages: ['ipmitool'] },
  conserver: { program: 'conserver', packages: ['conserver-server'] },
  console: { program: 'console', packages: ['conserver-client'] },
} as const satisfies Record<string, HostProgram>

/** True where all programs are there or could be fetched; else the test says why it is not run, and passes. */
export async function has(t: ExecutionContext, ...names: (keyof typeof programs)[]): Promise<boolean> {
  try {
    for (const name of names) await ensureProgram(programs[name])
    return true
  } catch (error) {
    t.log(`not run: ${(error as Error).message}`)
    t.pass()
    return false
  }
}
