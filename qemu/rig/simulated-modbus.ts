/** A simulated Modbus/TCP relay board: modbus-serial's server, one coil an outlet. */
import { once } from 'node:events'
import { promisify } from 'node:util'
import { onFreePort, PortTaken } from './daemon.ts'
import type { Outlets } from './outlet.ts'

/** Whom the relay board answers as. */
export const modbusUnit = 1

/** Starts it on a free port of the loopback; coils count like outlets, from 1. */
export async function startSimulatedModbus(outlets: Outlets): Promise<AsyncDisposable & { port: number }> {
  const { ServerTCP } = (await import('modbus-serial')).default
  const outlet = (coil: number) => {
    const board = outlets.get(coil)
    // Illegal data address, an exception of the Modbus application protocol, section 7.
    if (!board) throw Object.assign(new Error(`no coil ${coil}`), { modbusErrorCode: 2 })
    return board
  }
  const vector = {
    getCoil: (coil: number) => outlet(coil).switched,
    setCoil: (coil: number, value: boolean) => outlet(coil).switch(value),
  }
  return await onFreePort('tcp', async (port) => {
    const server = new ServerTCP(vector, { host: '127.0.0.1', port, unitID: modbusUnit })
    // A relay board goes on whatever a client sends.
    server.on('socketError', () => {})
    const taken = once(server, 'serverError').then(([error]) => {
      throw new PortTaken(`the Modbus relay can't listen: ${(error as Error).message}`)
    })
    await Promise.race([once(server, 'initialized'), taken])
    taken.catch(() => {})
    return { port, [Symbol.asyncDispose]: () => promisify(server.close.bind(server))() as Promise<void> }
  })
}
