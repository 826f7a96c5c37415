/** Asks a real board over the network that it shares with this host. */
import { lookup } from 'node:dns/promises'
import { orAborted } from '../../abortable.ts'
import { LabError } from '../../errors.ts'
import type { Asking } from '../../probe-log.ts'
import type { Network } from '../descriptor-schema.ts'
import { startPing } from './ping-program.ts'
import { TcpConnects } from './tcp-connects.ts'

/**
 * Pings it and connects to its port until disposed. Throws LabError where its name has no address, or where the host's ping
 * can't be used.
 */
export async function askNetwork({ host, tcpPort }: Network, signal: AbortSignal): Promise<Asking> {
  // Once: a name server is not what is to be timed.
  const address = await orAborted(addressOf(host), signal)
  const ping = await startPing(address, signal)
  const connects = new TcpConnects(address, tcpPort)
  return {
    icmp: ping.log,
    tcp: connects.log,
    async [Symbol.asyncDispose]() {
      connects[Symbol.dispose]()
      await ping[Symbol.asyncDispose]()
    },
  }
}

async function addressOf(host: string): Promise<string> {
  try {
    return (await lookup(host)).address
  } catch (cause) {
    const hint = "Is network.host of the board's descriptor right?"
    throw new LabError(`${host} has no address: ${(cause as Error).message}`, { hint, cause })
  }
}
