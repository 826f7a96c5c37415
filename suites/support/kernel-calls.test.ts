import test from 'ava'
import { parseCalls } from './kernel-calls.ts'

test('reads calls off a trace and off a console, and passes over everything else', (t) => {
  // Linux 6.1: /sys/kernel/tracing/trace, and the same with tp_printk.
  const calls = parseCalls([
    '           kexec-392     [000] ...1.   112.148756: sys_kexec_load(entry: 3ffd4760, nr_segments: 5, segments: 56280507b600, flags: 3e0000)',
    '[  117.223380] sys_sync()',
    'the kernel has no sys_kexec_load',
    '[  118.000000] sys_ioctl(fd: 3, cmd: 8914, arg: 7ffd0)',
  ])
  t.deepEqual(calls, [
    {
      name: 'kexec_load',
      arguments: { entry: '3ffd4760', nr_segments: '5', segments: '56280507b600', flags: '3e0000' },
    },
    { name: 'sync', arguments: {} },
    { name: 'ioctl', arguments: { fd: '3', cmd: '8914', arg: '7ffd0' } },
  ])
})
