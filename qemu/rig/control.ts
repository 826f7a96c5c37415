/** How the daemons of the rig reach its outlets: a Unix socket, and a script that they can run. */
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import type { ProgramToRun } from '../../images/host-packages.ts'
import type { Outlets } from './outlet.ts'

export type ControlOptions = {
  folder: string
  socat: ProgramToRun
  outlets: Outlets
}

/** Listens for the daemons. */
export async function openControl(options: ControlOptions): Promise<Control> {
  const control = new Control(options)
  await control.listen()
  return control
}

/** `script`: `power on|off|reset|state OUTLET`, prints on or off; fails where there is no such outlet. */
export class Control implements AsyncDisposable {
  readonly script: string
  readonly #options: ControlOptions
  readonly #server: Server

  constructor(options: ControlOptions) {
    this.#options = options
    this.script = join(options.folder, 'power')
    this.#server = createServer((socket) => this.#serve(socket))
  }

  async listen(): Promise<void> {
    const { folder, socat } = this.#options
    const path = join(folder, 'control.sock')
    this.#server.listen(path)
    await once(this.#server, 'listening')
    const lines = [
      '#!/bin/sh',
      '# Written by qemu/rig/control.ts.',
      `answer=$(echo "$1 $2" | ${shellWord(socat.path)} -t 30 - ${shellWord(`UNIX-CONNECT:${path}`)}) || exit 1`,
      'test "$answer" != error && echo "$answer"',
      '',
    ]
    await writeFile(this.script, lines.join('\n'), { mode: 0o700 })
  }

  #serve(socket: Socket): void {
    let asked = ''
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      asked += chunk.toString('latin1')
      if (asked.includes('\n')) socket.end(`${this.#answer(asked.trim())}\n`)
    })
  }

  #answer(asked: string): string {
    const [action = '', outlet] = asked.split(' ')
    const board = this.#options.outlets.get(Number(outlet))
    if (!board) return 'error'
    if (action === 'on' || action === 'off') board.switch(action === 'on')
    else if (action === 'reset') board.reset()
    else if (action !== 'state') return 'error'
    return board.switched ? 'on' : 'off'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** Quoted for the shell, which reads the script and pdudaemon's commands. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
