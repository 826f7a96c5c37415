/** The power switches that a descriptor can name: a new one is its file in this folder and its two entries here. */
import { z } from 'zod'
import type { PowerSwitch } from './switch.ts'

const qemuSchema = z
  .strictObject({ type: z.literal('qemu') })
  .meta({ description: 'On starts the QEMU process, off ends it.' })

export const powerTypes = z.discriminatedUnion('type', [qemuSchema])
export type PowerConfig = z.infer<typeof powerTypes>
/** A switch of its own, not one that comes with its machine. */
export type SwitchConfig = Exclude<PowerConfig, { type: 'qemu' }>

/** Opens a switch. Its file is loaded only by the boards that use it. Throws LabError where a secret is not there. */
export async function openSwitch(_config: SwitchConfig): Promise<PowerSwitch> {
  throw new Error('no switch yet')
}
