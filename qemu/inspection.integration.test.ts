/** Handovers of real kernels, inspected; and what was read from outside agrees with what the new kernel finds. */
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { type DeviceState, isBusMaster } from '../harness/devices/family.ts'
import { families } from '../harness/devices/index.ts'
import { parseProbeLine } from '../harness/devices/probe-line.ts'
import { GdbStub } from './gdb.ts'
import { LinuxGuest } from './guests/linux.ts'
import { type Inspection, watchHandover } from './inspection.ts'
import { readDevices } from './pci.ts'

const lastLine = /Starting new kernel|Bye!/
const firstLine = /Linux version|Booting Linux/

/** One kexec of this guest under a watch, up to the new kernel's shell. */
async function inspectedKexec(
  t: ExecutionContext,
  guest: LinuxGuest,
  { load = '-c --no-checks', poll = false } = {},
): Promise<{ inspection: Inspection; probed: DeviceState[] }> {
  await guest.load(load)
  const machineKexec = poll ? null : await guest.symbol('machine_kexec')
  await using watch = await watchHandover(guest.machine, { machineKexec })
  const from = guest.position
  await guest.machine.write('kexec -e\n')
  await guest.until(lastLine, from)
  watch.poll()
  await guest.until(firstLine, from)
  watch.endPolling()
  const result = await watch.result
  await guest.ready(from)
  if ('failed' in result) throw new Error(result.failed)
  const lines = guest.since(from).split('\n').map(parseProbeLine)
  const probed = lines.filter((line) => line !== undefined && 'address' in line)
  t.deepEqual(
    lines.filter((line) => line !== undefined && 'end' in line),
    [{ end: result.devices.length }],
    'the probe counts as many devices',
  )
  t.log(`stopped for ${result.stoppedMs.toFixed(1)} ms, ${result.devices.length} devices`)
  return { inspection: result, probed }
}

/** Devices that no built-in driver has taken are as they were at the handover. */
function agree(t: ExecutionContext, inspected: DeviceState[], probed: DeviceState[]): void {
  t.deepEqual(
    probed.map(({ address }) => address),
    inspected.map(({ address }) => address),
  )
  const untouched = probed.filter(({ driver }) => driver === null)
  t.true(untouched.some(({ registers }) => Object.values(registers).some((value) => value !== null)))
  for (const device of untouched)
    t.deepEqual(device, inspected.find(({ address }) => address === device.address)!)
}

function only(devices: DeviceState[], family: string): DeviceState {
  return devices.find((device) => device.family === family)!
}

function engine({ family, registers }: DeviceState) {
  return families.find(({ name }) => name === family)!.judge(registers)
}

/** The state that 6.1 leaves its own devices in. */
function wasShutDown(t: ExecutionContext, devices: DeviceState[]): void {
  const disk = devices.find(({ classCode, family }) => family === 'virtio' && classCode >>> 16 === 1)!
  t.false(isBusMaster(disk))
  t.like(engine(disk), { running: false, notReset: false })
  const nvme = only(devices, 'nvme')
  t.false(isBusMaster(nvme))
  // Enabled and ready, and its shutdown is complete.
  t.is(nvme.registers.CC! & 1, 1)
  t.is(nvme.registers.CSTS, 0x9)
  t.like(engine(nvme), { running: false })
}

test.serial(
  'q35: both ways of loading are inspected at the entry, and an edu that nobody stopped is seen',
  async (t) => {
    const devices = ['edu,addr=5', 'e1000e', 'nvme,serial=n', 'qemu-xhci', 'virtio-net-pci']
    await using guest = await LinuxGuest.boot('q35', devices)
    // Bus mastering on, by hand, and an interrupt that nobody acknowledges.
    const edu = '/sys/bus/pci/devices/0000:00:05.0'
    await guest.run(`printf '\\007\\001' | dd of=${edu}/config bs=1 seek=4 conv=notrunc`)
    await guest.run(`read -r bar rest <${edu}/resource; busybox devmem $((bar + 0x60)) 32 0x10`)
    for (const load of ['-c --no-checks', '-s']) {
      const { inspection, probed } = await inspectedKexec(t, guest, { load })
      t.is(inspection.method, 'breakpoint')
      t.true(inspection.entry! > 0n)
      wasShutDown(t, inspection.devices)
      t.true(isBusMaster(only(inspection.devices, 'edu')))
      t.is(only(inspection.devices, 'edu').registers.irq_status, 0x10)
      t.true(engine(only(inspection.devices, 'edu')).running)
      agree(t, inspection.devices, probed)
    }
  },
)

for (const type of ['pc', 'virt'] as const) {
  test.serial(`${type}: inspected and probed alike`, async (t) => {
    await using guest = await LinuxGuest.boot(type, ['edu', 'nvme,serial=n', 'virtio-net-pci'])
    const { inspection, probed } = await inspectedKexec(t, guest)
    t.is(inspection.method, 'breakpoint')
    wasShutDown(t, inspection.devices)
    agree(t, inspection.devices, probed)
    t.deepEqual(await guest.machine.qmp.execute('query-status'), {
      running: true,
      singlestep: false,
      status: 'running',
    })
  })
}

for (const type of ['q35', 'pc'] as const) {
  test.serial(`${type}: without an address the gap is polled`, async (t) => {
    await using guest = await LinuxGuest.boot(type, ['edu', 'nvme,serial=n'])
    const { inspection, probed } = await inspectedKexec(t, guest, { poll: true })
    t.like(inspection, { method: 'polling', entry: null })
    t.is(inspection.stoppedMs > 0, type === 'pc')
    agree(t, inspection.devices, probed)
  })
}

test.serial('however a watch ends, the guest runs on, and no breakpoint is left', async (t) => {
  await using guest = await LinuxGuest.boot('q35', [])
  const { machine } = guest
  const machineKexec = await guest.symbol('machine_kexec')

  const closed = await watchHandover(machine, { machineKexec })
  await closed[Symbol.asyncDispose]()
  t.regex(JSON.stringify(await closed.result), /closed before/)
  await guest.run('true')

  const controller = new AbortController()
  const aborted = await watchHandover(machine, { machineKexec, signal: controller.signal })
  controller.abort(new Error('enough'))
  t.deepEqual(await aborted.result, { failed: 'enough' })
  await guest.run('true')
  await t.throwsAsync(watchHandover(machine, { machineKexec, signal: controller.signal }), {
    message: 'enough',
  })
  await guest.run('true')

  const superseded = await watchHandover(machine, { machineKexec })
  superseded.endPolling()
  t.regex(JSON.stringify(await superseded.result), /never called/)

  // The first argument of this function is a seq_file and no kimage.
  const wrong = await watchHandover(machine, { machineKexec: await guest.symbol('uptime_proc_show') })
  await guest.run('cat /proc/uptime')
  t.regex(JSON.stringify(await wrong.result), /where the guest has no RAM|refused m/)
  await guest.run('cat /proc/uptime')

  const broken = await watchHandover(machine, { machineKexec })
  // Another stub takes the place of the watch's.
  await machine.qmp.humanMonitor('gdbserver none')
  t.truthy(((await broken.result) as { failed: string }).failed)
  await guest.run('true')

  await guest.load('-c --no-checks')
  const from = guest.position
  await machine.write('kexec -e\n')
  await guest.ready(from)
})

test.serial("a stop that is not the watch's is continued, and a guest that is gone is not", async (t) => {
  await using guest = await LinuxGuest.boot('q35', [])
  const { machine } = guest
  const machineKexec = await guest.symbol('machine_kexec')
  {
    await using _watch = await watchHandover(machine, { machineKexec })
    await machine.qmp.execute('stop')
    await guest.run('true')
    t.true((await readDevices(machine)).length > 0)
    await guest.run('true')
  }
  const watch = await watchHandover(machine, { machineKexec })
  await machine.write('echo b >/proc/sysrq-trigger\n')
  t.regex(JSON.stringify(await watch.result), /stopped for good/)
  t.like(await machine.qmp.execute('query-status'), { status: 'shutdown' })
  await watch[Symbol.asyncDispose]()

  const orphan = await watchHandover(machine, { machineKexec: null })
  await machine.close()
  orphan.poll()
  await sleep(100)
  orphan.endPolling()
  t.truthy(((await orphan.result) as { failed: string }).failed)
  await orphan[Symbol.asyncDispose]()
})

test.serial('a QEMU that dies ends the watch', async (t) => {
  await using guest = await LinuxGuest.boot('virt', [])
  const watch = await watchHandover(guest.machine, { machineKexec: await guest.symbol('machine_kexec') })
  process.kill(guest.machine.pid, 'SIGKILL')
  t.regex(JSON.stringify(await watch.result), /closed the connection/)
  await watch[Symbol.asyncDispose]()
})

test.serial('a stop names the CPU, whose registers and memory are then read', async (t) => {
  await using guest = await LinuxGuest.boot('q35', [])
  const address = await guest.symbol('uptime_proc_show')
  const stub = await GdbStub.attach(guest.machine.qmp)
  t.deepEqual(await stub.cpus(), [0, 1])
  await stub.setBreakpoint(address)
  for (const cpu of [1, 0, 1]) {
    stub.resume()
    const answered = guest.run(`taskset -c ${cpu} cat /proc/uptime`)
    t.like(await stub.nextStop(), { signal: 5, cpu })
    t.is(await stub.readRegister(16), address)
    t.is((await stub.readMemory(address, 16)).length, 16)
    await t.throwsAsync(stub.readMemory(0xdead0000n, 8), { message: /refused m/ })
    await stub.removeBreakpoint(address)
    stub.resume()
    await answered
    stub.interrupt()
    t.like(await stub.nextStop(), { signal: 2 })
    await stub.setBreakpoint(address)
  }
  await stub.removeBreakpoint(address)
  stub.close()
})
