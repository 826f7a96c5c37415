/** Consoles on Unix sockets, as QEMU's are, with the harness's own reader on them. */
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { type Listener, listenOnce } from '../../../qemu/sockets.ts'
import { Console } from '../../console/console.ts'
import { ConsoleRecorder } from '../../console/recorder.ts'

/** A console that waits for its one connection. */
export type OpenConsole = Disposable & {
  path: string
  console: Console
  /** Resolves when the other end has closed and everything was read; rejects when recording failed. */
  ended: Promise<void>
}

/** Opens a console with its socket in one folder and its recording in another. The reading is what qemu/machine.ts does. */
export async function openConsole(sockets: string, recordings: string, name: string): Promise<OpenConsole> {
  const listener = await listenOnce(join(sockets, `${name}.sock`))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  promise.catch(() => {})
  const recorder = new ConsoleRecorder({
    folder: recordings,
    board: name,
    originNs: process.hrtime.bigint(),
    onFailure: reject,
  })
  const console = new Console({ write: async () => {} }, recorder)
  listener.connected.then((socket) => read(socket, console, resolve), reject)
  return { path: listener.path, console, ended: promise, [Symbol.dispose]: () => end(listener, recorder) }
}

function read(socket: Socket, console: Console, onEnd: () => void): void {
  socket.on('data', (chunk: Buffer) => {
    const atNs = process.hrtime.bigint()
    console.feed(chunk, atNs)
  })
  socket.on('close', onEnd)
}

function end(listener: Listener, recorder: ConsoleRecorder): void {
  listener.close()
  recorder[Symbol.dispose]()
}
