/** Unix sockets in a private folder, on which the harness listens and to which QEMU connects. */
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LabError } from '../harness/errors.ts'

/** Bytes of a socket's path that Linux takes (sun_path in sockaddr_un, with its final NUL). */
const longestSocketPath = 107

/** One connection that is expected; `close` gives up on it, and drops it if it came. */
export type Listener = { path: string; connected: Promise<Socket>; close: () => void }

/** Makes a folder that only this user can enter; unless told where, with a path short enough for sockets in it. */
export async function privateFolder(parent = shortTemporaryFolder()): Promise<string> {
  try {
    const folder = await mkdtemp(join(parent, `kexec-${process.pid}-`))
    await chmod(folder, 0o700)
    return folder
  } catch (cause) {
    throw new LabError(`cannot make a temporary folder in ${parent}: ${(cause as Error).message}`, {
      hint: 'free some space, or set TMPDIR to a folder that can be written',
      cause,
    })
  }
}

function shortTemporaryFolder(): string {
  const wanted = join(tmpdir(), 'kexec-4194304-XXXXXX', 'console.sock')
  return Buffer.byteLength(wanted) <= longestSocketPath ? tmpdir() : '/tmp'
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
}

/** Listens on a Unix socket for a single connection. */
export async function listenOnce(path: string): Promise<Listener> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  promise.catch(() => {})
  let connection: Socket | undefined
  server.once('connection', (socket) => {
    server.close()
    connection = socket
    // An error is always followed by 'close', which whoever uses the socket listens to.
    socket.on('error', () => {})
    resolve(socket)
  })
  const close = () => {
    server.close()
    connection?.destroy()
    reject(new LabError('stopped before QEMU connected'))
  }
  await listening(server, path)
  return { path, connected: promise, close }
}

async function listening(server: Server, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', (cause) => {
    reject(new LabError(`cannot listen on ${path}: ${cause.message}`, { cause }))
  })
  server.listen(path, resolve)
  await promise
}
