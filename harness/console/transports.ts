/** The transports that a descriptor can name: a new one is its file in transport/ and its two entries here. */
import { z } from 'zod'
import type { Connect } from './transport.ts'

const qemuSchema = z
  .strictObject({ type: z.literal('qemu') })
  .meta({ description: "The QEMU machine's first serial port." })

export const consoleTypes = z.discriminatedUnion('type', [qemuSchema])
export type ConsoleConfig = z.infer<typeof consoleTypes>
/** A console that is connected to, not one that comes with its machine. */
export type LineConfig = Exclude<ConsoleConfig, { type: 'qemu' }>

/** How to connect to a console. A transport is loaded only by the boards that use it. */
export async function connectTo(_config: LineConfig): Promise<Connect> {
  throw new Error('no transport yet')
}
