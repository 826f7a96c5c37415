/** Relays behind Modbus/TCP: one coil each. */
import type modbusSerial from 'modbus-serial'
import { z } from 'zod'
import { LabError } from '../errors.ts'
import { host, port } from '../values.ts'
import { powerCommon } from './common.ts'
import { networkError } from './network.ts'
import { relaySwitch, relayWiring } from './relay.ts'
import type { PowerSwitch } from './switch.ts'

export const modbusSchema = z
  .strictObject({
    type: z.literal('modbus'),
    host,
    port: port.default(502),
    unit: z.number().int().min(0).max(255).default(1),
    coil: z.number().int().min(0).max(65_535).meta({
      description: 'Address of the coil as the protocol counts, from 0; manuals often count from 1.',
    }),
    ...relayWiring,
    ...powerCommon,
  })
  .meta({ description: 'A coil of a Modbus/TCP device.' })

type ModbusRTU = InstanceType<typeof modbusSerial.default>

const answerMs = 5000
/** Exception codes of the Modbus Application Protocol 1.1b3, section 7. */
const exceptions: Record<number, string> = {
  1: 'it can not switch coils (exception 1)',
  2: 'it has no such coil (exception 2)',
  4: 'it failed (exception 4)',
  6: 'it is busy (exception 6)',
  11: 'there is no such unit behind it (exception 11)',
}

export function openModbus(config: z.infer<typeof modbusSchema>): PowerSwitch {
  const { coil } = config
  const name = `the Modbus device at ${config.host}:${config.port}, unit ${config.unit}, coil ${coil}`
  const exchange = <T>(signal: AbortSignal, act: (device: ModbusRTU) => Promise<T>) =>
    connected(name, config, signal, act)
  return relaySwitch(
    {
      name,
      set: (energised, signal) =>
        exchange(signal, async (device) => {
          await device.writeCoil(coil, energised)
        }),
      get: (signal) => exchange(signal, async (device) => (await device.readCoils(coil, 1)).data[0]),
    },
    config,
  )
}

/** One exchange in a connection of its own: such devices often serve one client at a time. */
async function connected<T>(
  name: string,
  config: z.infer<typeof modbusSchema>,
  signal: AbortSignal,
  act: (device: ModbusRTU) => Promise<T>,
): Promise<T> {
  const { default: modbus } = await import('modbus-serial')
  signal.throwIfAborted()
  const device = new modbus.default()
  device.on('error', () => {})
  const stop = () => device.destroy(() => {})
  signal.addEventListener('abort', stop, { once: true })
  try {
    await device.connectTCP(config.host, { port: config.port, timeout: answerMs })
    device.setID(config.unit)
    device.setTimeout(answerMs)
    return await act(device)
  } catch (error) {
    signal.throwIfAborted()
    throw modbusError(name, error)
  } finally {
    signal.removeEventListener('abort', stop)
    device.destroy(() => {})
  }
}

function modbusError(name: string, error: unknown): LabError {
  const { modbusCode, name: kind } = error as { modbusCode?: number; name?: string }
  if (modbusCode !== undefined) {
    const why = exceptions[modbusCode] ?? `exception ${modbusCode}`
    return new LabError(`${name} refused: ${why}`, { cause: error })
  }
  if (kind === 'TransactionTimedOutError') {
    return new LabError(`${name} did not answer within ${answerMs / 1000} s`, {
      hint: 'Is that its unit number?',
      cause: error,
    })
  }
  return networkError(name, error)
}
