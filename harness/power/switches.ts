/** The power switches that a descriptor can name: a new one is its file in this folder and its two entries here. */
import { z } from 'zod'
import { commandSchema, openCommand } from './command.ts'
import { gpioSchema, openGpio } from './gpio.ts'
import { ipmiSchema, openIpmi } from './ipmi.ts'
import { labgridSchema, openLabgrid } from './labgrid.ts'
import { lcus1Schema, openLcus1 } from './lcus-1.ts'
import { modbusSchema, openModbus } from './modbus.ts'
import { openPdudaemon, pdudaemonSchema } from './pdudaemon.ts'
import { openRedfish, redfishSchema } from './redfish.ts'
import { openShelly, shellySchema } from './shelly.ts'
import { openSnmp, snmpSchema } from './snmp.ts'
import type { PowerSwitch } from './switch.ts'
import { openTasmota, tasmotaSchema } from './tasmota.ts'
import { openUsbrelay, usbrelaySchema } from './usbrelay.ts'
import { openWeb, webSchema } from './web.ts'

const qemuSchema = z
  .strictObject({ type: z.literal('qemu') })
  .meta({ description: 'On starts the QEMU process, off ends it.' })

export const powerTypes = z.discriminatedUnion('type', [
  qemuSchema,
  pdudaemonSchema,
  ipmiSchema,
  redfishSchema,
  snmpSchema,
  lcus1Schema,
  usbrelaySchema,
  modbusSchema,
  tasmotaSchema,
  shellySchema,
  gpioSchema,
  commandSchema,
  webSchema,
  labgridSchema,
])
type PowerConfig = z.infer<typeof powerTypes>
/** A switch of its own, not one that comes with its machine. */
export type SwitchConfig = Exclude<PowerConfig, { type: 'qemu' }>

/** Opens a switch. What only one kind needs (a browser, a serial port) is loaded at its use. Throws LabError where a secret is not there. */
export async function openSwitch(config: SwitchConfig): Promise<PowerSwitch> {
  switch (config.type) {
    case 'pdudaemon':
      return openPdudaemon(config)
    case 'ipmi':
      return await openIpmi(config)
    case 'redfish':
      return await openRedfish(config)
    case 'snmp':
      return await openSnmp(config)
    case 'lcus-1':
      return openLcus1(config)
    case 'usbrelay':
      return openUsbrelay(config)
    case 'modbus':
      return openModbus(config)
    case 'tasmota':
      return await openTasmota(config)
    case 'shelly':
      return await openShelly(config)
    case 'gpio':
      return openGpio(config)
    case 'command':
      return openCommand(config)
    case 'web':
      return await openWeb(config)
    case 'labgrid':
      return await openLabgrid(config)
  }
}
