/** A console server that speaks telnet: ser2net, a terminal server, a conserver port. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { LabError } from '../../errors.ts'
import { host, port } from '../../values.ts'
import { paceSchema } from '../pace.ts'
import type { Connect } from '../transport.ts'
import { baud } from './serial.ts'
import { closeSocket, openSocket, provesLasting, writeTo } from './tcp.ts'
import { TelnetCodec } from './telnet-codec.ts'
import { Trial } from './trial.ts'

export const telnetSchema = z
  .strictObject({
    type: z.literal('telnet'),
    host,
    port,
    rfc2217: z.boolean().default(true).meta({
      description:
        "Sets the server's port and sends BREAKs by RFC 2217, where the server agrees; false does not ask for it.",
    }),
    baud: baud
      .optional()
      .meta({ description: "Speed that the server's port is set to; without it, its own setting stays." }),
    pace: paceSchema,
  })
  .meta({ description: 'A telnet port, as of ser2net or a terminal server.' })
export type TelnetConfig = z.infer<typeof telnetSchema>

/** A BREAK that is long enough for sysrq at any speed. */
const breakMs = 250

/** Connects and asks for 8-bit data and, where the descriptor wants it, the port's settings. */
export function connectTelnet(config: TelnetConfig): Connect {
  return async (sink, signal) => {
    const trial = new Trial(sink)
    const socket = await openSocket(config, trial, signal)
    const codec = new TelnetCodec({
      // The socket's own 'error' tells what becomes of it.
      send: (bytes) => void socket.write(bytes),
      comPort: config.rfc2217,
      ...(config.baud === undefined ? {} : { baud: config.baud }),
    })
    socket.on('data', (chunk: Buffer) => {
      const atNs = process.hrtime.bigint()
      const data = codec.decode(chunk)
      if (data.length > 0) trial.bytes(data, atNs)
    })
    codec.start()
    await provesLasting(config, socket, trial, signal)
    const mistake = otherSpeed(config, codec.answeredBaud)
    if (mistake) {
      await closeSocket(socket)
      throw mistake
    }
    return {
      write: (bytes) => writeTo(socket, codec.encode(bytes)),
      sendBreak: async () => {
        const [begin, end] = codec.breakCommands
        await writeTo(socket, begin!)
        await sleep(breakMs)
        if (end) await writeTo(socket, end)
      },
      close: () => closeSocket(socket),
    }
  }
}

function otherSpeed(config: TelnetConfig, answered: number | undefined): LabError | undefined {
  const { host, port, baud } = config
  // A server answers 0 where it can't tell (RFC 2217, SET-BAUDRATE).
  if (baud === undefined || !answered || answered === baud) return undefined
  return new LabError(`${host}:${port} runs its port at ${answered} baud, not at ${baud}`, {
    hint: `Set the port to ${baud} on the server, or write baud: ${answered} if the board runs at that.`,
  })
}
