/** An address of the loopback where somebody listens and never answers, as a device whose firmware hangs. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

type Silence = AsyncDisposable & { port: number }

export async function silentPort(protocol: 'tcp' | 'udp'): Promise<Silence> {
  return protocol === 'tcp' ? await silentTcp() : await silentUdp()
}

async function silentTcp(): Promise<Silence> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.resume()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function silentUdp(): Promise<Silence> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    port: socket.address().port,
    [Symbol.asyncDispose]: async () => {
      socket.close()
      await once(socket, 'close')
    },
  }
}
