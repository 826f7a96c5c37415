/**
 * A board driven by the smallest script that can do it: a socket, a string, and a wait for some text in it. It runs the
 * commands that the harness runs on the board, and checks nothing.
 */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { startQemu } from '../../../qemu/process.ts'
import { listenOnce, privateFolder, removeFolder } from '../../../qemu/sockets.ts'
import { LabError } from '../../errors.ts'

const limitMs = 120_000

export class RawBoard implements AsyncDisposable {
  /** Of its QEMU. */
  readonly pid: number
  readonly #socket: Socket
  readonly #signal: AbortSignal
  readonly #resources: AsyncDisposableStack
  #said = ''
  #wake: () => void = () => {}

  constructor(pid: number, socket: Socket, signal: AbortSignal, resources: AsyncDisposableStack) {
    this.pid = pid
    this.#socket = socket
    this.#signal = signal
    this.#resources = resources
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#said += text
      this.#wake()
    })
    signal.addEventListener('abort', () => this.#wake(), { once: true })
  }

  /** Forgets what was said, types a line, and waits until the text is said; returns what was said by then. */
  async ask(line: string | null, text: string): Promise<string> {
    this.#said = ''
    if (line !== null) this.#socket.write(`${line}\n`)
    const limit = setTimeout(() => this.#wake(), limitMs)
    const deadline = performance.now() + limitMs
    while (!this.#said.includes(text)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#signal.throwIfAborted()
      if (performance.now() >= deadline)
        throw new LabError(`no ${text} on the raw socket: ${this.#said.slice(-300)}`)
    }
    clearTimeout(limit)
    return this.#said
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync()
  }
}

/** Starts another QEMU with the very arguments of one that runs; only its sockets are others, and nothing holds it at its start. */
export async function startTwin(pid: number, signal: AbortSignal): Promise<RawBoard> {
  await using resources = new AsyncDisposableStack()
  const [path, ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1)
  const folder = await privateFolder()
  resources.defer(() => removeFolder(folder))
  const sockets = {
    console: await listenOnce(join(folder, 'console.sock')),
    qmp: await listenOnce(join(folder, 'qmp.sock')),
  }
  const own = args
    .filter((arg) => arg !== '-S')
    .map((arg) =>
      arg.replace(/^socket,id=(console|qmp),path=[^,]+/, (_, id: 'console' | 'qmp') => {
        return `socket,id=${id},path=${sockets[id].path}`
      }),
    )
  const qemu = await startQemu({ path: path! }, own)
  resources.defer(async () => {
    qemu.kill('SIGKILL')
    await qemu.exited
    sockets.console.close()
    sockets.qmp.close()
  })
  const died = qemu.exited.then(({ output }) => {
    throw new LabError(`QEMU ended at its start: ${output}`)
  })
  died.catch(() => {})
  const socket = await Promise.race([sockets.console.connected, died])
  const board = new RawBoard(qemu.pid, socket, signal, resources.move())
  await board.ask(null, 'HARNESS READY')
  return board
}
