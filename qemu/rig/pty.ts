/** A serial port that outlives the board behind it: a PTY, made by socat, under a path that stays. */
import { constants } from 'node:fs'
import { type FileHandle, open, rename, rm, symlink } from 'node:fs/promises'
import { ensureProgram } from '../../images/host-packages.ts'
import type { Watch } from '../../images/progress.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { type Line, type LineEnd, type Plug, waitingBytes } from './line.ts'

/** The program that makes PTYs, which Node can't. */
export function ensureSocat(watch: Watch) {
  return ensureProgram({ ...watch, program: 'socat', packages: ['socat'] })
}

export type PtyOptions = {
  /** The path under which the port is found. */
  path: string
  /** How messages call it. */
  what: string
  socat: Awaited<ReturnType<typeof ensureSocat>>
  end: LineEnd
  signal: AbortSignal
}

/** Makes a port. Throws LabError, or the signal's reason. */
export async function openPty(options: PtyOptions): Promise<Pty> {
  const pty = new Pty(options)
  await pty.push()
  return pty
}

/** A port; `pull` unplugs it, which hangs it up for whoever has it open. A PTY has no BREAK. */
export class Pty implements Line, Plug {
  readonly path: string
  readonly #options: PtyOptions
  #daemon: Daemon | undefined
  #held: FileHandle | undefined

  constructor(options: PtyOptions) {
    this.path = options.path
    this.#options = options
  }

  say(bytes: Buffer): void {
    const stdin = this.#daemon?.stdin
    if (stdin?.writable && stdin.writableLength < waitingBytes) stdin.write(bytes)
  }

  async push(): Promise<void> {
    const { socat, what, signal, end } = this.#options
    // -d -d lets socat say which PTY it got. `rawer`: no echo, no signals, every byte as it is.
    const daemon = await startDaemon({
      ...{ program: socat, what, signal },
      args: ['-d', '-d', 'PTY,rawer', 'STDIO'],
      ready: ({ errors }) => madePty.test(errors),
    })
    this.#daemon = daemon
    const [, device] = madePty.exec(daemon.errors)!
    // While somebody holds it, socat does not see a hang-up when a reader closes the port.
    this.#held = await open(device!, constants.O_RDWR | constants.O_NOCTTY)
    daemon.stdout.on('data', (bytes: Buffer) => end.typed(bytes))
    await symlink(device!, `${this.path}.new`)
    await rename(`${this.path}.new`, this.path)
  }

  async pull(): Promise<void> {
    await rm(this.path, { force: true })
    await this.#daemon?.[Symbol.asyncDispose]()
    await this.#held?.close()
    this.#daemon = undefined
    this.#held = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pull()
  }
}

const madePty = / PTY is (\S+)\n/
