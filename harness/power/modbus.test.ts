import { once } from 'node:events'
import test from 'ava'
import modbus from 'modbus-serial'
import { freePort } from '../../qemu/rig/daemon.ts'
import { LabError } from '../errors.ts'
import { inTime } from './daemon-fixture.ts'
import { modbusSchema, openModbus } from './modbus.ts'

/** modbus-serial's own server, with eight coils behind unit 7. */
async function startServer(coils: boolean[]) {
  const port = await freePort('tcp')
  const server = new modbus.ServerTCP(
    {
      getCoil: (address: number) => coilAt(coils, address),
      setCoil: (address: number, value: boolean) => {
        coilAt(coils, address)
        coils[address] = value
      },
    },
    { host: '127.0.0.1', port, unitID: 7 },
  )
  await once(server, 'initialized')
  return { port, close: () => new Promise<void>((resolve) => server.close(() => resolve())) }
}

function coilAt(coils: readonly boolean[], address: number): boolean {
  const coil = coils[address]
  // modbus-serial's server gives modbusErrorCode back as the exception.
  if (coil === undefined) throw Object.assign(new Error('no such coil'), { modbusErrorCode: 2 })
  return coil
}

test('a coil is switched and read back', async (t) => {
  const coils = Array<boolean>(8).fill(false)
  const server = await startServer(coils)
  t.teardown(server.close)
  const config = { type: 'modbus', host: '127.0.0.1', port: server.port, unit: 7, coil: 3 }
  const power = openModbus(modbusSchema.parse(config))
  await power.on(inTime())
  t.deepEqual(coils, [false, false, false, true, false, false, false, false])
  t.is(await power.state?.(inTime()), 'on')
  await power.off(inTime())
  t.is(await power.state?.(inTime()), 'off')

  const inverted = openModbus(modbusSchema.parse({ ...config, coil: 0, invert: true }))
  t.is(await inverted.state?.(inTime()), 'on')
  await inverted.off(inTime())
  t.is(coils[0], true)

  const absent = openModbus(modbusSchema.parse({ ...config, coil: 99 }))
  await t.throwsAsync(absent.on(inTime()), {
    instanceOf: LabError,
    message:
      /^the Modbus device at 127\.0\.0\.1:\d+, unit 7, coil 99 refused: it has no such coil \(exception 2\)$/,
  })
})

test('nobody there is told', async (t) => {
  const config = { type: 'modbus', host: '127.0.0.1', port: await freePort('tcp'), coil: 0 }
  await t.throwsAsync(openModbus(modbusSchema.parse(config)).on(inTime()), {
    instanceOf: LabError,
    message: /coil 0 refused the connection$/,
  })
})
