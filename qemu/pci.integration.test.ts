import { rm } from 'node:fs/promises'
import test from 'ava'
import { guestMachines, writeGuests } from './guests/machines.ts'
import { type Machine, startMachine } from './machine.ts'
import { PciReader, readDevices } from './pci.ts'

const folder = await writeGuests()
test.after.always(() => rm(folder, { recursive: true, force: true }))

/** A machine whose firmware has given the devices their addresses; then the guest says `boot`. */
async function withFirmware(type: 'q35' | 'pc', devices: string[]): Promise<Machine> {
  const booted = Promise.withResolvers<void>()
  let said = ''
  const options = guestMachines(folder).x86_64
  const machine = await startMachine({
    ...options,
    machine: { ...options.machine, type, devices },
    // QEMU writes byte by byte: the word may come in two pieces.
    onConsole: (chunk) => {
      said += chunk.toString('latin1')
      if (said.includes('boot')) booted.resolve()
    },
  })
  await booted.promise
  return machine
}

const ids = ['edu,addr=10', 'qemu-xhci,addr=11', 'nvme,serial=n,addr=12', 'virtio-rng-pci,addr=13']

for (const type of ['q35', 'pc'] as const) {
  test(`${type}: configuration space and registers are read, and the guest runs on`, async (t) => {
    await using machine = await withFirmware(type, ids)
    const devices = await readDevices(machine)
    const find = (slot: number) => devices.find(({ address }) => address === `0000:00:${slot}.0`)!
    t.like(find(10), { vendor: 0x1234, device: 0x11e8, classCode: 0x00ff00, family: 'edu', driver: null })
    t.deepEqual(find(10).registers, { status: 0, irq_status: 0, dma_command: 0 })
    t.like(find(11), { classCode: 0x0c0330, family: 'xhci', registers: { USBSTS: 1 } })
    t.like(find(12), { classCode: 0x010802, family: 'nvme' })
    t.is(typeof find(12).registers.CSTS, 'number')
    t.like(find(13), { vendor: 0x1af4, family: 'virtio' })
    t.is(typeof find(13).registers.device_status, 'number')
    t.is(find(10).command & 0x3, 0x3, 'SeaBIOS switches decoding on')
    t.like(await machine.qmp.execute('query-status'), { running: true })
  })
}

test('pc: the address port is as it was, and a stopped guest stays stopped', async (t) => {
  await using machine = await withFirmware('pc', ids)
  await machine.qmp.execute('stop')
  await machine.qmp.humanMonitor('o /w 0xcf8 0x80001234')
  await readDevices(machine)
  t.regex(await machine.qmp.humanMonitor('i /w 0xcf8'), /= 0x80001234/)
  t.like(await machine.qmp.execute('query-status'), { running: false })
})

test('a device behind a bridge is read, and one that does not decode has no registers', async (t) => {
  const port = ['pcie-root-port,id=bridge,chassis=1,addr=10', 'e1000e,bus=bridge']
  await using machine = await withFirmware('q35', [...port, 'edu,addr=11'])
  const reader = await PciReader.open(machine)
  const behind = (await reader.read()).find(({ family }) => family === 'e1000')!
  t.is(behind.address, '0000:01:00.0')
  t.is(behind.registers.RCTL, 0)
  // The command register of 0000:00:11.0: 0x80000000 + slot << 11 + 4.
  await machine.qmp.execute('stop')
  await machine.qmp.humanMonitor('o /w 0xcf8 0x80008804')
  await machine.qmp.humanMonitor('o /h 0xcfc 0')
  const [silent] = (await reader.read()).filter(({ family }) => family === 'edu')
  t.like(silent, { command: 0, registers: { status: null, irq_status: null, dma_command: null } })
})

test('reading ends when QEMU is gone', async (t) => {
  const machine = await withFirmware('q35', ids)
  const reader = await PciReader.open(machine)
  const reading = reader.read()
  await machine.close()
  await Promise.allSettled([reading])
  await t.throwsAsync(reader.read(), { name: 'LabError' })
})
