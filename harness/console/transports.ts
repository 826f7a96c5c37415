/** The transports that a descriptor can name: a new one is its file in transport/ and its entries here. */
import { z } from 'zod'
import { type Pace, paceFrom, uartPace } from './pace.ts'
import { commandSchema, connectCommand } from './transport/command.ts'
import { connectIpmiSol, ipmiSolSchema } from './transport/ipmi-sol.ts'
import { connectSerial, serialSchema } from './transport/serial.ts'
import { connectSsh, sshSchema } from './transport/ssh.ts'
import { connectTcp, tcpSchema } from './transport/tcp.ts'
import { connectTelnet, telnetSchema } from './transport/telnet.ts'
import type { Connect } from './transport.ts'

const qemuSchema = z
  .strictObject({ type: z.literal('qemu') })
  .meta({ description: "The QEMU machine's first serial port." })

export const consoleTypes = z.discriminatedUnion('type', [
  qemuSchema,
  serialSchema,
  tcpSchema,
  telnetSchema,
  sshSchema,
  ipmiSolSchema,
  commandSchema,
])
export type ConsoleConfig = z.infer<typeof consoleTypes>
/** A console that is connected to, not one that comes with its machine. */
export type LineConfig = Exclude<ConsoleConfig, { type: 'qemu' }>

/** How to connect to a console. */
export async function connectTo(config: LineConfig): Promise<Connect> {
  switch (config.type) {
    case 'serial':
      return connectSerial(config)
    case 'tcp':
      return connectTcp(config)
    case 'telnet':
      return connectTelnet(config)
    case 'ssh':
      return connectSsh(config)
    case 'ipmi-sol':
      return connectIpmiSol(config)
    case 'command':
      return connectCommand(config)
  }
}

/** The speed of a telnet port whose server is not told any, as most consoles have it. */
const usualBaud = 115_200

/** How fast input may be typed: what the descriptor says, else what suits the transport. */
export function paceOf(config: LineConfig): Pace | undefined {
  if (config.pace) return paceFrom(config.pace)
  if (config.type === 'serial') return uartPace(config.baud)
  return config.type === 'telnet' ? uartPace(config.baud ?? usualBaud) : undefined
}

/** The speed that a descriptor says the line has, bits a second. */
export function baudOf(config: LineConfig): number | undefined {
  return config.type === 'serial' || config.type === 'telnet' ? config.baud : undefined
}
