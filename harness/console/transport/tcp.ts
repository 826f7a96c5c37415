/** A raw TCP port behind which a console is: ser2net, a terminal server, QEMU's `-serial tcp`. */
import { connect, type Socket } from 'node:net'
import { z } from 'zod'
import { orAborted } from '../../abortable.ts'
import { Deadline } from '../../deadline.ts'
import { LabError } from '../../errors.ts'
import { host, port } from '../../values.ts'
import { paceSchema } from '../pace.ts'
import type { Connect, ConnectionSink } from '../transport.ts'
import { Trial } from './trial.ts'

export const tcpSchema = z
  .strictObject({ type: z.literal('tcp'), host, port, pace: paceSchema })
  .meta({ description: 'A raw TCP port, as of ser2net or a terminal server.' })
export type TcpConfig = z.infer<typeof tcpSchema>

const connectMs = 10_000
/** A server that lost its power does not say so: after this long without a word it is asked. */
const keepAliveMs = 10_000

/** Connects; nothing but the console's bytes goes over the line. */
export function connectTcp(config: TcpConfig): Connect {
  return async (sink, signal) => {
    const trial = new Trial(sink)
    const socket = await openSocket(config, trial, signal)
    socket.on('data', (chunk: Buffer) => trial.bytes(chunk, process.hrtime.bigint()))
    await provesLasting(config, socket, trial, signal)
    return { write: (bytes) => writeTo(socket, bytes), close: () => closeSocket(socket) }
  }
}

/** A connected socket that tells the sink of its end. Throws LabError. */
export async function openSocket(
  at: { host: string; port: number },
  sink: Pick<ConnectionSink, 'ended'>,
  signal: AbortSignal,
): Promise<Socket> {
  using deadline = new Deadline(connectMs, signal)
  const socket = connect({ host: at.host, port: at.port, noDelay: true })
  const connected = Promise.withResolvers<void>()
  let failure: unknown
  socket.once('connect', connected.resolve)
  socket.on('error', (error) => {
    failure = error
    connected.reject(error)
  })
  try {
    await orAborted(connected.promise, deadline.signal)
  } catch (error) {
    socket.destroy()
    signal.throwIfAborted()
    throw notConnected(at, deadline.expired ? `no answer within ${connectMs / 1000} s` : codeOf(error), error)
  }
  socket.setKeepAlive(true, keepAliveMs)
  socket.once('close', () =>
    sink.ended(failure ? `connection broken (${codeOf(failure)})` : 'the other end hung up'),
  )
  return socket
}

/** Throws LabError where the other end hangs up at once, with what it said. */
export async function provesLasting(
  at: { host: string; port: number },
  socket: Socket,
  trial: Trial,
  signal: AbortSignal,
): Promise<void> {
  try {
    if ((await trial.endsSoon(signal)) === undefined) return
  } catch (error) {
    socket.destroy()
    throw error
  }
  const said = trial.said === '' ? 'without a word' : `saying ${JSON.stringify(trial.said)}`
  throw new LabError(`${nameOf(at)} took the connection and hung up at once, ${said}`, {
    hint: 'A console server does so while somebody else is connected to the port, or when it has lost the port.',
  })
}

/** Resolves when the bytes were handed to the kernel. */
export async function writeTo(socket: Socket, bytes: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  socket.write(bytes, (error) => (error ? reject(error) : resolve()))
  try {
    await promise
  } catch (cause) {
    throw new LabError(`the connection takes no input (${codeOf(cause)})`, { cause })
  }
}

/** Hangs up; the end is not told. */
export async function closeSocket(socket: Socket): Promise<void> {
  socket.removeAllListeners('close')
  if (socket.closed) return
  const { promise, resolve } = Promise.withResolvers<void>()
  socket.once('close', () => resolve())
  socket.destroy()
  await promise
}

function notConnected(at: { host: string; port: number }, why: string, cause: unknown): LabError {
  const hints: Record<string, string> = {
    'connection refused': `Nothing listens there: is the console server (ser2net, conserver …) running, and is ${at.port} its port?`,
    'no such host': 'Check the name, or write the address.',
  }
  return new LabError(`no connection to ${nameOf(at)}: ${why}`, {
    hint: hints[why] ?? `Can this host reach it? Try: nc -v ${at.host} ${at.port}`,
    cause,
  })
}

function nameOf(at: { host: string; port: number }): string {
  return at.host.includes(':') ? `[${at.host}]:${at.port}` : `${at.host}:${at.port}`
}

function codeOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? String(error)
  const words: Record<string, string> = { ECONNREFUSED: 'connection refused', ENOTFOUND: 'no such host' }
  return words[code] ?? code
}
