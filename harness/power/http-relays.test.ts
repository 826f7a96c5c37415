import test, { type ExecutionContext } from 'ava'
import { freePort } from '../../qemu/rig/daemon.ts'
import { LabError } from '../errors.ts'
import { inTime } from './daemon-fixture.ts'
import { openPdudaemon } from './pdudaemon.ts'
import { openRedfish, redfishSchema } from './redfish.ts'
import { openShelly, shellySchema } from './shelly.ts'
import {
  serve,
  simulatedRedfish,
  simulatedShelly1,
  simulatedShelly2,
  simulatedTasmota,
} from './simulated-relays-fixture.ts'
import type { PowerSwitch } from './switch.ts'
import { openTasmota, tasmotaSchema } from './tasmota.ts'

const login = { user: 'admin', password: 'hü&sh=1' }
const password = { env: 'POWER_TEST_PASSWORD' }
const wrong = { env: 'POWER_TEST_WRONG_PASSWORD' }
process.env.POWER_TEST_PASSWORD = login.password
process.env.POWER_TEST_WRONG_PASSWORD = 'gue&ss'

/** On and off, as the device itself has it, and as the switch says it. */
async function switches(t: ExecutionContext, power: PowerSwitch, isOn: () => boolean): Promise<void> {
  for (const wanted of ['on', 'off', 'on'] as const) {
    await power[wanted](inTime())
    t.is(isOn(), wanted === 'on')
    t.is(await power.state?.(inTime()), wanted)
  }
}

/** What an error and its causes say, which must hold no password. */
async function failure(t: ExecutionContext, action: Promise<unknown>): Promise<string> {
  const error = await t.throwsAsync(action, { instanceOf: LabError })
  let told = ''
  for (let each: unknown = error; each instanceof Error; each = each.cause) told += `${each.stack}\n`
  for (const secret of [login.password, 'gue&ss']) {
    t.false(told.includes(secret))
    t.false(told.includes(encodeURIComponent(secret)))
  }
  return error?.message ?? ''
}

test('simulated Tasmota: one relay', async (t) => {
  const device = simulatedTasmota(1)
  const { url } = await serve(t, device.answer)
  await switches(t, await openTasmota(tasmotaSchema.parse({ type: 'tasmota', url })), () => device.on[0]!)
})

test('simulated Tasmota: the second of two relays, with a password, which no error repeats', async (t) => {
  const device = simulatedTasmota(2, login)
  const { url } = await serve(t, device.answer)
  const config = { type: 'tasmota', url, relay: 2, password }
  await switches(t, await openTasmota(tasmotaSchema.parse(config)), () => device.on[1]!)
  const stranger = await openTasmota(tasmotaSchema.parse({ ...config, password: wrong }))
  t.regex(
    await failure(t, stranger.on(inTime())),
    /^the Tasmota relay 2 at http.* answered 401 Unauthorized$/,
  )
  const noSuchRelay = await openTasmota(tasmotaSchema.parse({ ...config, relay: 3 }))
  t.regex(await failure(t, noSuchRelay.on(inTime())), /did not say the state of that relay$/)
  const closed = `http://127.0.0.1:${await freePort('tcp')}`
  const absent = await openTasmota(tasmotaSchema.parse({ ...config, url: closed }))
  t.regex(await failure(t, absent.on(inTime())), /refused the connection$/)
})

test('simulated Shelly, first generation, found out by asking; Basic authentication', async (t) => {
  const device = simulatedShelly1(login)
  const { url } = await serve(t, device.answer)
  const config = { type: 'shelly', url, password }
  await switches(t, await openShelly(shellySchema.parse(config)), () => device.relay.ison)
  const stranger = await openShelly(shellySchema.parse({ ...config, password: wrong }))
  t.regex(await failure(t, stranger.off(inTime())), /answered 401/)
  t.true(device.relay.ison)
})

test('simulated Shelly, second generation, found out by asking; digest authentication', async (t) => {
  const device = simulatedShelly2(login.password)
  const { url, requests } = await serve(t, device.answer)
  const config = { type: 'shelly', url, password }
  await switches(t, await openShelly(shellySchema.parse(config)), () => device.output.on)
  t.true(requests.some(({ authorization }) => authorization?.startsWith('Digest ')))
  t.false(requests.some(({ authorization }) => authorization?.startsWith('Basic ')))
  const stranger = await openShelly(shellySchema.parse({ ...config, password: wrong }))
  t.regex(await failure(t, stranger.off(inTime())), /answered 401/)
})

test('simulated Shelly without a password, its generation given: it is not asked for', async (t) => {
  const device = simulatedShelly2()
  const { url, requests } = await serve(t, device.answer)
  const config = { type: 'shelly', url, generation: 2 }
  await switches(t, await openShelly(shellySchema.parse(config)), () => device.output.on)
  t.false(requests.some((request) => request.url.pathname === '/shelly'))
  const other = await openShelly(shellySchema.parse({ ...config, channel: 4 }))
  t.regex(await failure(t, other.on(inTime())), /channel 4 answered 500/)
})

const basic = `Basic ${Buffer.from(`root:${login.password}`).toString('base64')}`

test('simulated Redfish: the only system is found, and what is off is not switched off', async (t) => {
  const device = simulatedRedfish(['1'], basic)
  const { url } = await serve(t, device.answer)
  const power = await openRedfish(redfishSchema.parse({ type: 'redfish', url, user: 'root', password }))
  await power.off(inTime())
  await power.on(inTime())
  await power.on(inTime())
  t.is(await power.state?.(inTime()), 'on')
  await power.off(inTime())
  t.is(await power.state?.(inTime()), 'off')
  t.deepEqual(device.bmc.resets, ['1 On', '1 ForceOff'])
})

test('simulated Redfish: several systems want a choice; a wrong password is told without it', async (t) => {
  const device = simulatedRedfish(['left', 'right'], basic)
  const { url } = await serve(t, device.answer)
  const config = { type: 'redfish', url, user: 'root', password }
  const either = await openRedfish(redfishSchema.parse(config))
  t.regex(await failure(t, either.on(inTime())), /has 2 systems: left, right$/)
  const right = await openRedfish(redfishSchema.parse({ ...config, system: 'right' }))
  await right.on(inTime())
  t.deepEqual(device.bmc.resets, ['right On'])
  const stranger = await openRedfish(redfishSchema.parse({ ...config, password: wrong }))
  t.regex(await failure(t, stranger.on(inTime())), /answered 401 Unauthorized$/)
})

test('a service that would lead the password to another host is not followed', async (t) => {
  const { url, requests } = await serve(t, () => ({
    json: { Members: [{ '@odata.id': '//evil.example/redfish' }] },
  }))
  const power = await openRedfish(redfishSchema.parse({ type: 'redfish', url, user: 'root', password }))
  t.regex(await failure(t, power.on(inTime())), /names a path outside of itself$/)
  t.is(requests.length, 1)
})

test('what is no such device at all is said so', async (t) => {
  const { url } = await serve(t, () => ({ json: [] }))
  const shelly = await openShelly(shellySchema.parse({ type: 'shelly', url, generation: 1 }))
  t.regex(await failure(t, shelly.on(inTime())), /gave an answer that is not a Shelly's$/)
})

test('a path in the URL is kept, as a reverse proxy wants it, and the answer 500 is told', async (t) => {
  const { url, requests } = await serve(t, () => ({ status: 500 }))
  const power = openPdudaemon({
    ...{ type: 'pdudaemon', url: `${url}/pdu/`, hostname: 'rack 1', port: 3 },
    ...{ offDwell: '5s', retries: 0, retryDelay: '1s' },
  })
  t.is(
    await failure(t, power.off(inTime())),
    `pdudaemon at ${url}/pdu/, port 3 of rack 1 answered 500 Internal Server Error`,
  )
  t.is(requests[0]?.url.pathname, '/pdu/power/control/off')
  t.is(requests[0]?.url.search, '?hostname=rack+1&port=3')
})

test('a device that accepts and says nothing is given up when the signal comes', async (t) => {
  const { url } = await serve(t, () => new Promise(() => {}))
  const power = await openTasmota(tasmotaSchema.parse({ type: 'tasmota', url }))
  await t.throwsAsync(power.on(AbortSignal.timeout(100)), { name: 'TimeoutError' })
})
