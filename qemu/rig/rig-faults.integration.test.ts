import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { writeGuests } from '../guests/machines.ts'
import {
  chassisPower,
  lcus,
  openSerial,
  openSol,
  openTcp,
  pdudaemon,
  rigOf,
  testBoard,
  until,
} from './rig-fixture.ts'

const folder = await writeGuests()
test.after.always(() => rm(folder, { recursive: true, force: true }))

test('a hang is silent and deaf, and ends when the power is cut', async (t) => {
  const hang = { type: 'hang', after: 'xx', count: 2 } as const
  const told: string[] = []
  await using rig = await rigOf(t, [testBoard(folder, 'hangs', ['serial', 'pdudaemon'], [hang])], told)
  if (!rig) return
  const { console, power } = rig.connection('hangs')
  await using serial = await openSerial(String(console.path))
  await pdudaemon(power, 'on')
  await serial.until('boot\r\n')
  serial.type('xx')
  await serial.until('xx')
  serial.type('yxxz')
  await serial.until('yxx')
  await until(() => told.includes('hangs hangs after "xx"'))
  serial.type('hear me')
  await sleep(500)
  t.is(serial.text, 'boot\r\nxxyxx')
  t.true(rig.isOn('hangs'))
  await pdudaemon(power, 'off')
  await until(() => !rig.isOn('hangs'))
  await pdudaemon(power, 'on')
  await serial.until('boot\r\n', 6)
  serial.type('xxz')
  await serial.until('xxz')
})

test('a console that is cut hangs up, is away, and comes back at its place while the board goes on', async (t) => {
  const cut = { type: 'cut-console', after: 'cut', count: 1, for: '1s' } as const
  const boards = [
    testBoard(folder, 'usb', ['serial', 'pdudaemon'], [cut]),
    testBoard(folder, 'net', ['tcp', 'pdudaemon'], [cut]),
    testBoard(folder, 'bmc', ['ipmi-sol', 'pdudaemon'], [cut]),
  ]
  const told: string[] = []
  await using rig = await rigOf(t, boards, told)
  if (!rig) return
  const [usb, net, bmc] = boards.map(({ name }) => rig.connection(name))
  const port = Number(net!.console.port)
  const path = String(usb!.console.path)
  await using serial = await openSerial(path)
  await using tcp = await openTcp(port)
  await using sol = await openSol(bmc!.console)
  for (const { power } of [usb!, net!, bmc!]) await pdudaemon(power, 'on')
  for (const terminal of [serial, tcp, sol]) {
    await terminal.insist('a')
    terminal.type('cut')
  }
  await Promise.all([serial.untilEnd(), tcp.untilEnd()])
  t.false(existsSync(path) && !told.includes('the console of usb is back'))
  await until(() => boards.every(({ name }) => told.includes(`the console of ${name} is back`)))
  t.true(boards.every(({ name }) => rig.isOn(name)))
  await using serialAgain = await openSerial(path)
  await using tcpAgain = await openTcp(port)
  await using solAgain = await openSol(bmc!.console)
  for (const terminal of [serialAgain, tcpAgain, solAgain]) await terminal.insist('still active')
})

test('a port that is unplugged refuses', async (t) => {
  const cut = { type: 'cut-console', after: 'cut', count: 1, for: '1h' } as const
  const told: string[] = []
  await using rig = await rigOf(t, [testBoard(folder, 'gone', ['tcp', 'lcus-1'], [cut])], told)
  if (!rig) return
  const { console, power } = rig.connection('gone')
  await using tcp = await openTcp(console.port)
  await lcus(power, true)
  await tcp.until('boot\r\n')
  tcp.type('cut')
  await tcp.untilEnd()
  const [error] = (await once(connect(Number(console.port), '127.0.0.1'), 'error')) as [Error]
  t.regex(error.message, /ECONNREFUSED/)
})

test('a dead relay says yes and does nothing, a silent one says nothing', async (t) => {
  const dead = [{ type: 'dead-relay' }] as const
  const silent = [{ type: 'silent-relay' }] as const
  const kinds = ['pdudaemon', 'ipmi', 'lcus-1', 'web', 'modbus'] as const
  const boards = kinds.flatMap((kind) => [
    testBoard(folder, `dead-${kind}`, ['serial', kind], [...dead]),
    testBoard(folder, `silent-${kind}`, ['serial', kind], [...silent]),
  ])
  await using rig = await rigOf(t, [...boards, testBoard(folder, 'well', ['serial', 'pdudaemon'])])
  if (!rig) return
  const power = (name: string) => rig.connection(name).power
  t.is((await pdudaemon(power('dead-pdudaemon'), 'on')).status, 200)
  await chassisPower(power('dead-ipmi'), 'on')
  t.regex((await chassisPower(power('dead-ipmi'), 'status')).stdout, /is on/)
  await lcus(power('dead-lcus-1'), true)
  for (const kind of ['pdudaemon', 'web']) {
    const { url } = power(`silent-${kind}`)
    await t.throwsAsync(fetch(String(url), { signal: AbortSignal.timeout(1000) }), { name: 'TimeoutError' })
  }
  t.not((await chassisPower(power('silent-ipmi'), 'on')).exitCode, 0)
  t.false(existsSync(String(power('silent-lcus-1').path)))
  await pdudaemon(power('well'), 'on')
  await until(() => rig.isOn('well'))
  t.true(boards.every(({ name }) => !rig.isOn(name)))
})
