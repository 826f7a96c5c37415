import test from 'ava'
import { originOf } from './origin.ts'

const of = (message: string, ...more: string[]) => originOf(message, [message, ...more])

test('dev_printk names driver and device', (t) => {
  t.like(of('[    1.200000] e1000e 0000:00:04.0: Failed to initialize'), {
    driver: 'e1000e',
    device: '0000:00:04.0',
  })
  t.like(of('[    1.200000][    T1] e1000e 0000:00:04.0 eth0: Reset'), {
    driver: 'e1000e',
    device: '0000:00:04.0',
  })
  t.like(of('arm-smmu-v3 9050000.smmuv3: event 0x10 received:'), {
    driver: 'arm-smmu-v3',
    device: '9050000.smmuv3',
  })
  t.like(of('nvme nvme0: Device not ready'), { driver: 'nvme', device: 'nvme0' })
})

test('a bus is no driver', (t) => {
  t.like(of('pci 0000:00:01.0: BAR 0: failed to assign'), { driver: null, device: '0000:00:01.0' })
  t.like(of('usb 1-1: device not accepting address 2, error -110'), { driver: null, device: '1-1' })
})

test('a failed probe names both, in the old wording and the new', (t) => {
  t.like(of('e1000e: probe of 0000:00:04.0 failed with error -5'), {
    driver: 'e1000e',
    device: '0000:00:04.0',
  })
  t.like(of('e1000e 0000:00:04.0: probe with driver e1000e failed with error -5'), {
    driver: 'e1000e',
    device: '0000:00:04.0',
  })
})

test('the IOMMU leaves out the PCI domain', (t) => {
  t.like(of('DMAR: [DMA Read NO_PASID] Request device [00:04.0] fault addr 0x7e5a1000'), {
    device: '0000:00:04.0',
  })
})

test('a module comes from where the fault is, before the rest of the trace', (t) => {
  const lines = ['Call Trace:', ' ? old_leftover+0x1/0x2 [wrong]', ' other+0x1/0x2 [caller]']
  t.is(of('Oops: 0000 [#1]', ...lines).driver, 'caller')
  t.is(of('Oops: 0000 [#1]', ...lines, 'RIP: 0010:fault+0x1/0x2 [guilty]').driver, 'guilty')
  t.is(of('Internal error: Oops [#1]', ...lines, 'pc : fault+0x1/0x2 [guilty]').driver, 'guilty')
})

test('CPU numbers in their many spellings', (t) => {
  t.is(of('WARNING: CPU: 3 PID: 1 at x.c:1').cpu, 3)
  t.is(of('BUG: soft lockup - CPU#2 stuck for 22s!').cpu, 2)
  t.is(of('Watchdog detected hard LOCKUP on cpu 1').cpu, 1)
  t.is(of('psci: failed to boot CPU5 (-22)').cpu, 5)
  t.is(of('rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:').cpu, null)
})

test('nothing is named where nothing is said', (t) => {
  t.deepEqual(of('BUG: something'), { device: null, driver: null, cpu: null })
  t.deepEqual(of('\u0000'.repeat(100_000)), { device: null, driver: null, cpu: null })
})
