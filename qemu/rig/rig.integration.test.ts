import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { execa } from 'execa'
import ModbusRTU from 'modbus-serial'
import { UsageError } from '../../harness/errors.ts'
import { resolveImage } from '../../images/image.ts'
import { guestMachines, writeGuests } from '../guests/machines.ts'
import { type RigBoard, startRig } from './rig.ts'
import {
  chassisPower,
  children,
  folderOf,
  lcus,
  openSerial,
  openSol,
  openTcp,
  pdudaemon,
  processesNaming,
  rigOf,
  testBoard,
  until,
} from './rig-fixture.ts'

const folder = await writeGuests()
test.after.always(() => rm(folder, { recursive: true, force: true }))

async function linuxBoard(): Promise<RigBoard> {
  const { kernel, initramfs, payload } = await resolveImage('bookworm-cloud-amd64')
  const { drives: _, ...board } = testBoard(folder, 'linux', ['serial', 'pdudaemon'])
  return {
    ...board,
    machine: { type: 'q35', cpu: 'max', cpus: 1, memory: 1024, accelerator: 'tcg' },
    ...{ kernel, append: 'console=ttyS0 earlyprintk=ttyS0,115200' },
    ...(initramfs ? { initramfs } : {}),
    drives: payload.disk === null ? [] : [{ path: payload.disk, readOnly: true, serial: 'kexec-payload' }],
  }
}

// Alone, since it looks at what this process has started.
test.serial(
  'three boards, each behind a switch and a transport of its own: on, spoken to, off, and nothing is left',
  async (t) => {
    const boards = [
      await linuxBoard(),
      testBoard(folder, 'server', ['tcp', 'ipmi']),
      testBoard(folder, 'stick', ['telnet', 'lcus-1']),
    ]
    await using rig = await rigOf(t, boards)
    if (!rig) return
    const [linux, server, stick] = boards.map(({ name }) => rig.connection(name))
    const rigFolder = folderOf(linux!.power, linux!.console)
    t.deepEqual(
      boards.map(({ name }) => rig.isOn(name)),
      [false, false, false],
    )
    const path = String(linux!.console.path)
    const device = await readlink(path)
    {
      await using serial = await openSerial(path)
      await using tcp = await openTcp(server!.console.port)
      await using telnet = await openTcp(stick!.console.port)
      t.is((await pdudaemon(linux!.power, 'on')).status, 200)
      t.regex((await chassisPower(server!.power, 'status')).stdout, /Chassis Power is off/)
      t.regex((await chassisPower(server!.power, 'on')).stdout, /Up\/On/)
      await lcus(stick!.power, true)
      await tcp.until('boot\r\n')
      await telnet.until('boot\r\n')
      tcp.type('abc')
      await tcp.until('abc')
      t.regex((await chassisPower(server!.power, 'status')).stdout, /Chassis Power is on/)
      // A reset button starts the machine again.
      const before = tcp.text.length
      await chassisPower(server!.power, 'reset')
      await tcp.until('boot\r\n', before)

      await serial.until('Linux version 6.1')
      await serial.until('HARNESS READY')
      serial.type('echo A$((40+2))B\n')
      await serial.until('A42B')
      t.deepEqual(
        boards.map(({ name }) => rig.isOn(name)),
        [true, true, true],
      )
      await pdudaemon(linux!.power, 'off')
      await chassisPower(server!.power, 'off')
      await lcus(stick!.power, false)
      await until(() => boards.every(({ name }) => !rig.isOn(name)))
      t.false(serial.ended || tcp.ended || telnet.ended, 'no console hangs up when its board is switched off')
      t.is(await readlink(path), device)
    }
    t.not((await processesNaming(rigFolder)).length, 0)
    await rig[Symbol.asyncDispose]()
    t.deepEqual(await processesNaming(rigFolder), [])
    t.deepEqual(await children(), [])
    t.false(existsSync(rigFolder))
  },
)

test('serial over LAN and a Modbus relay', async (t) => {
  await using rig = await rigOf(t, [testBoard(folder, 'sol', ['ipmi-sol', 'modbus'])])
  if (!rig) return
  const { console, power } = rig.connection('sol')
  await using sol = await openSol(console)
  const relay = new ModbusRTU.default()
  await relay.connectTCP('127.0.0.1', { port: Number(power.port) })
  relay.setID(Number(power.unit))
  await relay.writeCoil(Number(power.coil), true)
  t.deepEqual((await relay.readCoils(Number(power.coil), 1)).data[0], true)
  await sol.insist('abc')
  await relay.writeCoil(Number(power.coil), false)
  await until(() => !rig.isOn('sol'))
  await t.throwsAsync(relay.writeCoil(99, true))
  relay.close(() => {})
})

test('a BREAK goes through ser2net by RFC 2217 to the UART', async (t) => {
  await using rig = await rigOf(t, [testBoard(folder, 'breaks', ['telnet', 'lcus-1'])])
  if (!rig) return
  const { console, power } = rig.connection('breaks')
  await using telnet = await openTcp(console.port)
  // WILL COM-PORT-OPTION; ser2net answers DO.
  telnet.type(Buffer.from([255, 251, 44]))
  await telnet.until('\xff\xfd\x2c')
  await lcus(power, true)
  await telnet.until('boot\r\n')
  const from = telnet.text.length
  // SET-CONTROL, BREAK on and off. A UART hears a BREAK as a NUL, which the guest sends back.
  telnet.type(Buffer.from([255, 250, 44, 5, 5, 255, 240]))
  telnet.type(Buffer.from([255, 250, 44, 5, 6, 255, 240]))
  await telnet.until('\0', from)
  telnet.type('z')
  await telnet.until('z', from)
  t.pass()
})

test('a guest that resets starts again, and one that switches itself off waits for its BMC', async (t) => {
  await using rig = await rigOf(t, [testBoard(folder, 'itself', ['tcp', 'ipmi'])])
  if (!rig) return
  const { console, power } = rig.connection('itself')
  await using tcp = await openTcp(console.port)
  await chassisPower(power, 'on')
  await tcp.until('boot\r\n')
  tcp.type('r')
  await tcp.until('boot\r\n', 6)
  tcp.type('o')
  await until(() => !rig.isOn('itself'))
  await chassisPower(power, 'on')
  await tcp.until('boot\r\n', 12)
  t.true(rig.isOn('itself'))
})

test('U-Boot speaks first on a board that has it', async (t) => {
  const { drives: _, ...board } = testBoard(folder, 'firm', ['serial', 'pdudaemon'])
  const arm64 = guestMachines(folder).arm64
  const rigSpec: RigBoard['rig'] = { firmware: 'u-boot', faults: [] }
  const { signal } = new AbortController()
  await t.throwsAsync(startRig([{ ...board, rig: rigSpec }], { signal }), {
    instanceOf: UsageError,
    message: 'the rig has no U-Boot for x86_64',
  })
  const { arch, program, machine } = { ...arm64, machine: { ...arm64.machine, memory: 256 } }
  await using rig = await rigOf(t, [{ ...board, arch, program, machine, rig: rigSpec }])
  if (!rig) return
  const { console, power } = rig.connection('firm')
  await using serial = await openSerial(String(console.path))
  await pdudaemon(power, 'on')
  await serial.until('U-Boot 20')
  await serial.until('autoboot')
  t.true(rig.isOn('firm'))
})

test('the web page takes a session and a token that its script computes', async (t) => {
  await using rig = await rigOf(t, [testBoard(folder, 'paged', ['serial', 'web'])])
  if (!rig) return
  const { console, power } = rig.connection('paged')
  const page = await (await fetch(String(power.url))).text()
  t.regex(page, /Rack PDU/)
  t.notRegex(page, /paged|outlet-1/, 'the rows are made by the script')
  const post = (path: string, body: object, cookie = '') =>
    fetch(`${power.url}${path}`, { method: 'POST', body: JSON.stringify(body), headers: { cookie } })
  t.is((await post('login', { user: 'rig', password: 'wrong' })).status, 403)
  t.is((await post('switch', { outlet: 1, on: true, token: '' })).status, 401)
  const password = (await readFile(join(folderOf(power, console), 'password'), 'utf8')).trim()
  const session = await post('login', { user: 'rig', password })
  const cookie = session.headers.get('set-cookie')!.split(';')[0]!
  t.is((await post('switch', { outlet: 1, on: true, token: '1' }, cookie)).status, 403)
  t.is((await post('switch', { outlet: 1 }, cookie)).status, 400)
  t.false(rig.isOn('paged'))
})

test('a rig whose harness is killed leaves no process and no folder', async (t) => {
  const boards = [
    testBoard(folder, 'a', ['serial', 'pdudaemon']),
    testBoard(folder, 'b', ['tcp', 'ipmi']),
    testBoard(folder, 'c', ['telnet', 'lcus-1']),
  ]
  const script = `
    import { startRig } from ${JSON.stringify(new URL('rig.ts', import.meta.url).href)}
    const rig = await startRig(${JSON.stringify(boards)}, { signal: new AbortController().signal })
    console.log(JSON.stringify(['a', 'b', 'c'].map((name) => rig.connection(name))))
    setInterval(() => {}, 1000)`
  const harness = execa(process.execPath, ['--input-type=module', '--eval', script], {
    ...{ buffer: false, reject: false, stderr: 'inherit' },
  })
  const line = await Promise.race([once(harness.stdout, 'data'), harness])
  if (!Array.isArray(line)) {
    t.log('not run: the rig did not start')
    return t.pass()
  }
  const [a, b] = JSON.parse(String(line[0])) as Record<'console' | 'power', Record<string, unknown>>[]
  await pdudaemon(a!.power, 'on')
  await chassisPower(b!.power, 'on')
  const rigFolder = folderOf(a!.power, a!.console)
  const device = await readlink(String(a!.console.path))
  t.true(existsSync(device))
  t.not((await processesNaming(rigFolder)).length, 0)
  harness.kill('SIGKILL')
  await harness
  await until(async () => (await processesNaming(rigFolder)).length === 0)
  await until(() => !existsSync(rigFolder))
  t.pass()
})

test('two boards of one name, an unknown board, a start that is aborted', async (t) => {
  const board = testBoard(folder, 'twin', ['serial', 'lcus-1'])
  const { signal } = new AbortController()
  await t.throwsAsync(startRig([board, board], { signal }), { instanceOf: UsageError })
  await t.throwsAsync(startRig([board], { signal: AbortSignal.abort() }), { name: 'AbortError' })
  await using rig = await rigOf(t, [board])
  if (rig) t.throws(() => rig.connection('nobody'), { instanceOf: UsageError })
})
