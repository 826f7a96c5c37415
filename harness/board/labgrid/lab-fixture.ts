/** A small lab for tests: a real coordinator, exporter, ser2net and pdudaemon, and a relay that is simulated. */
import { once } from 'node:events'
import { chmod, readFile, realpath, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { keptFolder } from '../../../qemu/rig/folder.ts'
import {
  ensureLabgridPrograms,
  type LabgridPrograms,
  type LabgridRig,
  type LabgridRigPlace,
  startLabgrid,
} from '../../../qemu/rig/labgrid.ts'
import { ensurePdudaemon, pduName, startPdudaemon } from '../../../qemu/rig/pdudaemon.ts'
import { ensureSocat, openPty, type Pty } from '../../../qemu/rig/pty.ts'
import { findLabgridClient, LabgridClient } from '../../power/labgrid-client.ts'
import { type ListedPlace, parsePlaces, placeNamed } from './places.ts'

export type LabPrograms = {
  labgrid: LabgridPrograms
  socat: Awaited<ReturnType<typeof ensureSocat>>
  pdudaemon: Awaited<ReturnType<typeof ensurePdudaemon>>
}

/** Throws LabError where one can't be got. */
export async function ensureLabPrograms(progress: (text: string) => void): Promise<LabPrograms> {
  return {
    labgrid: await ensureLabgridPrograms({ progress }),
    socat: await ensureSocat({ progress }),
    pdudaemon: await ensurePdudaemon({ progress }),
  }
}

/**
 * The lab's places: `juno-1` with a serial port and a relay, `juno-2` with an outlet of pdudaemon's, `bare` with
 * nothing but a relay. The first two have the tag board=juno.
 */
export class SmallLab implements AsyncDisposable {
  readonly rig: LabgridRig
  readonly client: LabgridClient
  readonly relay: SimulatedRelay
  readonly #pty: Pty
  readonly #outlets: string
  readonly #slow: string
  readonly #stack: AsyncDisposableStack
  /** What was typed on juno-1's serial port. */
  typed = ''

  private constructor(
    parts: Pick<SmallLab, 'rig' | 'client' | 'relay'> & {
      pty: Pty
      outlets: string
      slow: string
      stack: AsyncDisposableStack
    },
  ) {
    this.rig = parts.rig
    this.client = parts.client
    this.relay = parts.relay
    this.#pty = parts.pty
    this.#outlets = parts.outlets
    this.#slow = parts.slow
    this.#stack = parts.stack
  }

  static async start(programs: LabPrograms, signal: AbortSignal): Promise<SmallLab> {
    await using stack = new AsyncDisposableStack()
    const folder = stack.use(await keptFolder()).path
    let lab: SmallLab | undefined
    const end = { typed: (bytes: Buffer) => lab?.hear(bytes), broken: () => {} }
    const serial = path.join(folder, 'serial')
    const pty = stack.use(
      await openPty({ path: serial, what: 'serial port', socat: programs.socat, end, signal }),
    )
    const relay = stack.use(await SimulatedRelay.start())
    const outlets = path.join(folder, 'outlets')
    const power = path.join(folder, 'power')
    await writeScript(power, [`echo "$@" >> '${outlets}'`])
    const pdu = await startPdudaemon({ folder, program: programs.pdudaemon, power, signal })
    stack.use(pdu.daemon)
    const places = placesOf({ serial: await realpath(serial), relay, pduPort: pdu.port })
    const slow = path.join(folder, 'slow')
    const ser2net = path.join(folder, 'ser2net-or-slow')
    await writeScript(ser2net, [
      `if rm '${slow}' 2>/dev/null; then sleep ${slowStartSeconds}; fi`,
      `exec '${programs.labgrid.ser2net}' "$@"`,
    ])
    const rig = stack.use(await startLabgrid({ ...programs.labgrid, ser2net }, places, signal))
    const client = new LabgridClient(await findLabgridClient(rig.coordinator))
    lab = new SmallLab({ rig, client, relay, pty, outlets, slow, stack: stack.move() })
    return lab
  }

  /** The next start of ser2net takes longer than the coordinator waits for the exporter. */
  async slowSerialPort(): Promise<void> {
    await writeFile(this.#slow, '')
  }

  /** The board on juno-1's serial port says something. */
  say(text: string): void {
    this.#pty.say(Buffer.from(text))
  }

  hear(bytes: Buffer): void {
    this.typed += bytes.toString('latin1')
  }

  /** What pdudaemon was asked for, one line a request. */
  async outlets(): Promise<string[]> {
    return (await readFile(this.#outlets, 'utf8').catch(() => '')).split('\n').filter(Boolean)
  }

  async place(name: string): Promise<ListedPlace> {
    return placeNamed(parsePlaces(await this.client.run(['-v', 'places'])), name)!
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** ExporterCommand.wait() in labgrid/remote/coordinator.py waits for 10 s. */
const slowStartSeconds = 15

async function writeScript(file: string, lines: readonly string[]): Promise<void> {
  await writeFile(file, ['#!/bin/sh', ...lines, ''].join('\n'))
  await chmod(file, 0o755)
}

function placesOf(parts: { serial: string; relay: SimulatedRelay; pduPort: number }): LabgridRigPlace[] {
  const { serial, relay, pduPort } = parts
  return [
    {
      name: 'juno-1',
      tags: { board: 'juno', rack: 'a' },
      aliases: ['big'],
      resources: {
        RawSerialPort: { port: serial, speed: 115_200 },
        NetworkPowerPort: relay.port(1),
      },
    },
    {
      name: 'juno-2',
      tags: { board: 'juno', rack: 'b' },
      resources: { PDUDaemonPort: { host: `127.0.0.1:${pduPort}`, pdu: pduName, index: 3 } },
    },
    { name: 'bare', resources: { NetworkPowerPort: relay.port(2) } },
  ]
}

/** Relays behind HTTP, as labgrid's `rest` model of a NetworkPowerPort wants them (labgrid/driver/power/rest.py). */
class SimulatedRelay implements AsyncDisposable {
  readonly states = new Map<string, string>()
  readonly #server = createServer((request, response) => {
    const relay = request.url ?? ''
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString('utf8')
    })
    request.on('end', () => {
      if (request.method === 'PUT') this.states.set(relay, body)
      response.end(this.states.get(relay) ?? '0')
    })
  })

  static async start(): Promise<SimulatedRelay> {
    const relay = new SimulatedRelay()
    relay.#server.listen(0, '127.0.0.1')
    await once(relay.#server, 'listening')
    return relay
  }

  /** The resource of one relay. */
  port(index: number): Record<string, unknown> {
    const { port } = this.#server.address() as AddressInfo
    return { model: 'rest', host: `http://127.0.0.1:${port}/relay/{index}`, index }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
