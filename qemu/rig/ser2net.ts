/** A board's serial port on the network: ser2net, which leads it to a TCP port. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProgramToRun } from '../../images/host-packages.ts'
import { type Daemon, hasPort, onFreePort, startDaemon } from './daemon.ts'
import type { Plug } from './line.ts'

export type Ser2netOptions = {
  board: string
  folder: string
  program: ProgramToRun
  /** ser2net's words for its two sides; PORT stands for the port. */
  accepter: string
  connector: string
  signal: AbortSignal
}

/** Starts it on a free port of the loopback. Throws LabError or the signal's reason. */
export async function startSer2net(options: Ser2netOptions): Promise<Ser2net> {
  return await onFreePort('tcp', async (port) => {
    const ser2net = new Ser2net(options, port)
    await ser2net.push()
    return ser2net
  })
}

export class Ser2net implements Plug, AsyncDisposable {
  readonly port: number
  readonly #options: Ser2netOptions
  #daemon: Daemon | undefined

  constructor(options: Ser2netOptions, port: number) {
    this.#options = options
    this.port = port
  }

  async push(): Promise<void> {
    const { board, folder, program, accepter, connector, signal } = this.#options
    const config = join(folder, `ser2net-${board}.yaml`)
    // kickolduser: a harness that was killed must not keep its successor out.
    const lines = [
      'connection: &board',
      `  accepter: ${accepter.replace('PORT', String(this.port))}`,
      `  connector: ${connector}`,
      '  options:',
      '    kickolduser: true',
      '',
    ]
    await writeFile(config, lines.join('\n'))
    this.#daemon = await startDaemon({
      ...{ program, signal, what: `ser2net of ${board}` },
      // -n: it stays in the foreground, as a child of the rig's.
      args: ['-n', '-d', '-c', config],
      ready: (daemon) => hasPort(daemon, 'tcp', this.port),
    })
  }

  async pull(): Promise<void> {
    await this.#daemon?.[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pull()
  }
}
