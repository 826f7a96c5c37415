import { rm } from 'node:fs/promises'
import test from 'ava'
import { LabError } from '../harness/errors.ts'
import { GdbStub } from './gdb.ts'
import { consoleGuest } from './guests/console.ts'
import { bootedGuest, writeGuests } from './guests/machines.ts'
import type { Machine } from './machine.ts'

const folder = await writeGuests()
test.after.always(() => rm(folder, { recursive: true, force: true }))

/**
 * Where each guest is loaded, where its function `send` is (the first bytes of it in console-*.S), GDB's numbers of the
 * program counter and of the register that then holds the letter.
 */
const guests = {
  x86_64: { base: 0x7c00, send: Buffer.from('88c4bafd03', 'hex'), programCounter: 16, letter: 0 },
  arm64: { base: 0x40080000, send: Buffer.from('421940b9e2ff2f37', 'hex'), programCounter: 32, letter: 0 },
}

async function isRunning(machine: Machine): Promise<boolean> {
  const { running } = await machine.qmp.execute<{ running: boolean }>('query-status')
  return running
}

for (const [arch, { base, send, programCounter, letter }] of Object.entries(guests)) {
  test(`${arch}: a breakpoint stops the guest, whose registers and memory can be read`, async (t) => {
    const { machine, until } = await bootedGuest(folder, arch as keyof typeof guests)
    await using _machine = machine
    const stub = await GdbStub.attach(machine.qmp)
    t.false(await isRunning(machine))
    const address = BigInt(base + consoleGuest[arch as keyof typeof guests].lastIndexOf(send))
    t.deepEqual(await stub.readMemory(address, send.length), send)
    for (const typed of ['a', 'b']) {
      await stub.setBreakpoint(address)
      stub.resume()
      await machine.write(typed)
      const stop = await stub.nextStop()
      t.like(stop, { signal: 5, cpu: 0 })
      t.true(stop.atNs > machine.startedAtNs && stop.atNs < process.hrtime.bigint())
      t.is(await stub.readRegister(programCounter), address)
      t.is(Number((await stub.readRegister(letter)) & 0xffn), typed.charCodeAt(0))
      await stub.removeBreakpoint(address)
      stub.resume()
      await until(typed)
      stub.interrupt()
      t.like(await stub.nextStop(), { signal: 2 })
    }
    stub.resume()
    await machine.write('c')
    await until('c')
    t.true(await isRunning(machine))
  })
}

test('what the stub refuses is told, and it answers on', async (t) => {
  const { machine } = await bootedGuest(folder, 'x86_64', 2)
  await using _machine = machine
  const stub = await GdbStub.attach(machine.qmp)
  await t.throwsAsync(stub.readMemory(0xffff_ffff_ffff_0000n, 8), {
    instanceOf: LabError,
    message: /refused mffffffffffff0000,8: E14/,
  })
  await t.throwsAsync(stub.request('Zx,0,1'), { instanceOf: LabError, message: /refused Zx,0,1/ })
  await t.throwsAsync(stub.readMemory(0n, 100_000), { instanceOf: RangeError })
  await t.throwsAsync(stub.readRegister(10_000), { instanceOf: LabError, message: /none is number 10000/ })
  t.deepEqual(await stub.cpus(), [0, 1])
})

test('a wait for a stop ends by its limit, by its signal, and when QEMU is gone', async (t) => {
  const { machine } = await bootedGuest(folder, 'x86_64')
  await using _machine = machine
  const stub = await GdbStub.attach(machine.qmp)
  stub.resume()
  await t.throwsAsync(stub.nextStop({ timeoutMs: 10 }), { instanceOf: LabError, message: /within 0.01 s/ })
  await t.throwsAsync(stub.nextStop({ signal: AbortSignal.abort() }), { name: 'AbortError' })
  const controller = new AbortController()
  const aborted = stub.nextStop({ signal: controller.signal })
  controller.abort()
  await t.throwsAsync(aborted, { name: 'AbortError' })
  t.true(await isRunning(machine))
  const orphaned = stub.nextStop()
  await machine.close()
  // QEMU says goodbye: `W00`, the program has ended.
  t.like(await orphaned, { signal: 0, cpu: null })
  await t.throwsAsync(stub.request('g'), { instanceOf: LabError })
})

test('a new client finds no breakpoint of an older one', async (t) => {
  const { machine, until } = await bootedGuest(folder, 'arm64')
  await using _machine = machine
  const { base, send } = guests.arm64
  const old = await GdbStub.attach(machine.qmp)
  await old.setBreakpoint(BigInt(base + consoleGuest.arm64.lastIndexOf(send)))
  old.close()
  const next = await GdbStub.attach(machine.qmp)
  next.resume()
  await machine.write('a')
  await until('a')
  t.true(await isRunning(machine))
})
