import test from 'ava'
import { auditing, timingShutdown } from './audit.ts'
import { hostShell } from './host-shell-fixture.ts'

const parameter = '/sys/module/kernel/parameters/initcall_debug'
const levels = '/proc/sys/kernel/printk'
const quiet = { [parameter]: 'N', [levels]: '4\t4\t1\t7' }

test('a board without harness-audit still tells how long each device’s shutdown takes', async (t) => {
  const { occasion, evidence, read } = hostShell(t, { files: quiet })
  const observer = auditing(async () => ({}))
  await observer.prepare!(occasion)
  t.deepEqual([read(parameter), read(levels)], ['1', '7'])
  for (const text of [
    '[   20.100000] nvme 0000:00:01.0: shutdown',
    '[   20.148000] serial8250 serial8250: shutdown',
    '[   20.149000] kexec_core: Starting new kernel',
  ])
    observer.line!({ text, atNs: 0n, cut: false }, 'shutdown', occasion)
  await observer.finish!(occasion, true)
  t.deepEqual(
    evidence.shutdown!.devices.map(({ device, driver, durationMs }) => [device, driver, durationMs]),
    [
      ['0000:00:01.0', 'nvme', 48],
      ['serial8250', 'serial8250', 1],
    ],
  )
  t.deepEqual(evidence.notes, [])
})

test('harness-audit is asked where it is, and what it has not is noted', async (t) => {
  const programs = { 'harness-audit': 'echo "audit shutdown=yes drivers=no:no-BTF ipi=yes"' }
  const { occasion, evidence, read } = hostShell(t, { files: quiet, programs })
  await auditing(async () => ({ bus: '8' })).prepare!(occasion)
  t.deepEqual(evidence.notes, ['the shutdown audit has no drivers: no-BTF'])
  t.is(read(parameter), 'N')
})

test('a louder console stays as loud, and a kernel without the parameter is noted', async (t) => {
  const loud = hostShell(t, { files: { [parameter]: 'N', [levels]: '8\t4\t1\t7' } })
  await timingShutdown().prepare!(loud.occasion)
  t.is(loud.read(levels), '8\t4\t1\t7')
  const without = hostShell(t, { files: { [levels]: '7\t4\t1\t7' } })
  await timingShutdown().prepare!(without.occasion)
  t.regex(without.evidence.notes[0]!, /^the shutdown of devices is not timed/)
})
