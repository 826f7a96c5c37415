import test from 'ava'
import { forCapture } from './kdump.ts'

const target = { kernel: '/payload/kernel', initramfs: '/payload/initramfs' }

test('a capture kernel gets one CPU and devices at work, and sets no memory aside', (t) => {
  const { append, ...files } = forCapture({
    ...target,
    append: 'console=ttyS0 crashkernel=256M,high crashkernel=72M,low kexec_harness.nonce=abc',
  })
  t.is(append, 'nr_cpus=1 reset_devices console=ttyS0 kexec_harness.nonce=abc')
  t.deepEqual(files, target)
})

test('what the user says of CPUs comes last, and so counts', (t) => {
  t.is(forCapture({ ...target, append: 'nr_cpus=2' }).append, 'nr_cpus=1 reset_devices nr_cpus=2')
})
