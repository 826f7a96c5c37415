import { readFile } from 'node:fs/promises'
import test from 'ava'
import { type AuditResult, auditFindings, ShutdownAudit } from './audit.ts'
import { loadCatalogue } from './catalogue.ts'
import { Detector } from './detector.ts'

function audited(lines: readonly string[]): AuditResult {
  const audit = new ShutdownAudit()
  for (const text of lines) audit.line({ text, atNs: 0n, cut: false })
  return audit.finish()
}

/** See fixtures/audit/README.md. */
async function linesOf(name: string): Promise<string[]> {
  return (await readFile(new URL(`fixtures/audit/${name}.txt`, import.meta.url), 'utf8')).split('\n')
}

const recorded = async (name: string) => audited(await linesOf(name))

const device = ({ devices }: AuditResult, name: string) => devices.find((one) => one.device === name)
const findings = (result: AuditResult) => auditFindings(result, { slowMs: 1000 })

test('a healthy shutdown on x86_64 tells order, durations and empty pointers, and nothing is wrong', async (t) => {
  const result = await recorded('healthy-x86_64')
  t.is(result.devices.length, 23)
  t.is(result.devices[0]?.device, 'virtio0')
  t.true(result.devices.every(({ durationMs }) => durationMs !== null && durationMs > 0))
  t.deepEqual(device(result, '0000:00:01.0'), {
    device: '0000:00:01.0',
    driver: 'nvme',
    startS: 20.188075,
    durationMs: 50.999,
    hasShutdown: true,
  })
  t.like(device(result, '0000:00:04.0'), { driver: 'virtio-pci', hasShutdown: false })
  t.like(device(result, 'virtio0'), { driver: 'virtio_blk', hasShutdown: true }, 'its bus resets it')
  t.like(device(result, 'serio0'), { driver: 'atkbd', hasShutdown: null }, 'what its bus does is not known')
  t.like(device(result, '00:00'), { driver: 'i8042 kbd', hasShutdown: false }, 'a name with a space')
  t.like(device(result, '0000:00:00.0'), { driver: null, hasShutdown: null }, 'nothing is bound')
  t.deepEqual(
    result.withoutShutdown.find(({ driver }) => driver === 'virtio-pci'),
    { driver: 'virtio-pci', pointer: 'pci_driver.shutdown', devices: ['0000:00:04.0'] },
  )
  t.deepEqual(result.ipis, [{ source: 1, target: 0, count: 1, offlineCount: 0, idleCount: 1 }])
  t.deepEqual(findings(result), [])
})

test('what the audit makes the kernel say matches no signature', async (t) => {
  const signatures = await loadCatalogue()
  for (const [name, arch] of [
    ['healthy-x86_64', 'x86_64'],
    ['healthy-arm64', 'arm64'],
    ['offline-ipi-arm64', 'arm64'],
  ] as const) {
    const detector = new Detector({ signatures, arch })
    for (const text of await linesOf(name)) detector.line({ text, atNs: 0n, cut: false }, 'shutdown')
    t.deepEqual(detector.finish(), [], name)
  }
})

test('a healthy shutdown on arm64 sends IPIs while CPUs go down, none of them astray', async (t) => {
  const result = await recorded('healthy-arm64')
  t.like(device(result, '9000000.pl011'), { driver: 'uart-pl011', hasShutdown: false })
  t.true(result.ipis.length > 0)
  t.true(result.ipis.every(({ offlineCount, idleCount }) => offlineCount === 0 && idleCount === null))
  t.deepEqual(findings(result), [])
})

test('an IPI to an offline CPU is found on arm64, where the kernel says nothing', async (t) => {
  const result = await recorded('offline-ipi-arm64')
  t.deepEqual(
    result.ipis.filter(({ offlineCount }) => offlineCount > 0),
    [{ source: 2, target: 1, count: 1, offlineCount: 1, idleCount: null }],
  )
  const [finding, ...others] = findings(result)
  t.like(finding, { id: 'offline-cpu-ipi', severity: 'error', cpu: 1, device: null, confidence: 'seen' })
  t.deepEqual(finding?.evidence, ['CPU2 → CPU1: 1 of 1 reschedule IPIs while CPU1 was offline'])
  t.deepEqual(others, [])
})

test('on x86_64 the evidence has the kernel’s own warning too', async (t) => {
  const [finding, ...others] = findings(await recorded('offline-ipi-x86_64'))
  t.like(finding, { id: 'offline-cpu-ipi', cpu: 1 })
  t.is(finding?.evidence.length, 2)
  t.regex(finding?.evidence[0] ?? '', /^CPU0 → CPU1: 1 of 1/)
  t.regex(finding?.evidence[1] ?? '', /sched: Unexpected reschedule of offline CPU#1!$/)
  t.deepEqual(others, [])
})

test('a slow shutdown() is found with its device and driver', async (t) => {
  const result = await recorded('slow-shutdown-x86_64')
  const [finding, ...others] = findings(result)
  t.like(finding, { id: 'slow-shutdown', device: '0000:00:01.0', driver: 'slow_shutdown', cpu: null })
  t.true(device(result, '0000:00:01.0')!.durationMs! >= 5000)
  t.deepEqual(others, [])
  t.deepEqual(auditFindings(result, { slowMs: 60_000 }), [])
})

test('where the kernel hangs, the last device that began is the one that hangs', async (t) => {
  const result = await recorded('hang-shutdown-x86_64')
  t.like(result.last, {
    device: '0000:00:01.0',
    driver: 'hang_shutdown',
    durationMs: null,
    hasShutdown: true,
  })
  t.deepEqual(findings(result), [])
})

test('messages of other CPUs do not end a shutdown, and a device without one takes no time', (t) => {
  const { devices, last } = audited([
    '# [    1.000000] kexec_start: (kernel_kexec+0x0/0x90)',
    '[    2.000000] kexec_driver: (pm_runtime_barrier+0x0/0x90) device="virtio0" driver="virtio_blk" bus="virtio" bound=0x1 bus_shutdown=0x0 shutdown=0x0',
    '[    2.500000] sd 2:0:0:0: shutdown',
    '[    3.000000] I/O error, dev vda, sector 7240 op 0x0:(READ)',
    '[    4.500000][   T12] kexec_core: Starting new kernel',
  ])
  t.deepEqual(devices, [
    { device: 'virtio0', driver: 'virtio_blk', startS: 2, durationMs: null, hasShutdown: false },
    { device: '2:0:0:0', driver: 'sd', startS: 2.5, durationMs: 2000, hasShutdown: null },
  ])
  t.is(last?.device, '2:0:0:0')
})

test('without events, the messages alone tell order and durations', (t) => {
  const { devices, withoutShutdown } = audited([
    '[   69.530361] e1000e 0000:00:02.0: shutdown',
    '[   69.540361] pci 0000:00:1f.3: shutdown',
    '[   69.545708] kexec: Starting new kernel',
  ])
  t.deepEqual(
    devices.map(({ driver, durationMs, hasShutdown }) => [driver, durationMs, hasShutdown]),
    [
      ['e1000e', 10, null],
      [null, 5.347, null],
    ],
  )
  t.deepEqual(withoutShutdown, [])
})

test('a stamp or a name that the console spoilt costs its own number only', (t) => {
  const { devices } = audited([
    '[  124.638663] kexec_driver_pnp: (pm_runtime_barrier+0x0/0x90) device="00:03" driver="rtc_cmos" bus="pnp" bound=0x1 shutdown=0x2',
    '[  124.6339200] rtc_cmos 000:03: shutdown',
    '[  124.641398] platform PNP0103:00: shutdown',
    '[  124.642398] kexec_devices_done: (migrate_to_reboot_cpu+0x0/0x70)',
  ])
  t.deepEqual(
    devices.map(({ device, startS, durationMs }) => [device, startS, durationMs]),
    [
      ['00:03', null, null],
      ['PNP0103:00', 124.641398, 1],
    ],
  )
})

test('what the kernel could not read is not known, and a device without a bus is shut down by its driver', (t) => {
  const { devices, ipis, withoutShutdown } = audited([
    '[    1.000000] kexec_driver_pci: (pm_runtime_barrier+0x0/0x90) device="0000:00:01.0" driver=(fault) bus="pci" bound=0x1 shutdown=(fault)',
    '[    2.000000] kexec_driver_pci: (pm_runtime_barrier+0x0/0x90) device="0000:00:02.0" driver="e1000e" bus="pci" bound=0x1 shutdown=(fault)',
    '[    2.000000] kexec_driver: (pm_runtime_barrier+0x0/0x90) device="usb2-port1" driver="usb" bus=(fault) bound=0x1 bus_shutdown=0xffffffffc068b680 shutdown=0xffffffffc0667ef0',
    '[    3.000000] kexec_ipi0: (smp_send_reschedule+0x0/0x44) target=70 online=0x1',
    '[    3.000000] kexec_ipi0: (smp_send_reschedule+0x0/0x44) target=1',
    '[    3.000000] kexec_ipi0: (smp_send_reschedule+0x0/0x44) online=0x1',
  ])
  t.deepEqual(
    devices.map(({ driver, hasShutdown }) => [driver, hasShutdown]),
    [
      ['(fault)', null],
      ['e1000e', null],
      ['usb', true],
    ],
  )
  t.deepEqual(withoutShutdown, [])
  const unknown = { offlineCount: 0, idleCount: null, count: 1 }
  t.deepEqual(ipis, [
    { source: 0, target: 1, ...unknown },
    { source: 0, target: 70, ...unknown },
  ])
})

test('a console that makes things up neither fills the memory nor takes long', (t) => {
  const hostile = [
    `[${' '.repeat(16_000)}`,
    '['.repeat(16_000),
    `[    1.000000] ${'a '.repeat(8_000)}: shutdown`,
    `[    1.000000] kexec_driver: (${'x='.repeat(8_000)}`,
    `[    1.000000] kexec_ipi0: (f) target=${'9'.repeat(400)} online=0x${'f'.repeat(400)}`,
    '[    1.000000] kexec_ipi99999: (f) target=1',
    '[    1.000000] : shutdown',
  ]
  t.deepEqual(audited(hostile).devices, [])
  const many = Array.from({ length: 30_000 }, (_, index) => [
    `[    1.000000] drv dev${index}: shutdown`,
    `[    1.000000] kexec_ipi${index % 10_000}: (f) target=${index} online=0x1`,
    '[    1.000000] sched: Unexpected reschedule of offline CPU#1!',
  ]).flat()
  const { devices, ipis, offlineWarnings } = audited(many)
  t.is(devices.length, 10_000)
  t.is(ipis.length, 4096)
  t.is(offlineWarnings.length, 100)
})

test('what unplugs itself after the shutdown of devices is none of them', (t) => {
  const audit = new ShutdownAudit()
  const event = 'kexec_driver: (pm_runtime_barrier+0x0/0x170)'
  const usb = 'device="2-1" driver="usb" bus="usb" bound=0x1 bus_shutdown=0x0 shutdown=0x0'
  for (const text of [
    '[   30.841699] reg-dummy reg-dummy: shutdown',
    '[   30.846209] kexec_devices_done: (migrate_to_reboot_cpu+0x0/0xa0)',
    `[   64.745106] ${event} ${usb}`,
  ])
    audit.line({ text, atNs: 0n, cut: false })
  const { devices, last } = audit.finish()
  t.deepEqual(
    devices.map(({ device }) => device),
    ['reg-dummy'],
  )
  t.is(last?.durationMs, 4.51)
})
