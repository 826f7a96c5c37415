import test from 'ava'
import { loadCommand } from './kexec-tools.ts'
import { describeMethod } from './loader.ts'

const target = { kernel: '/payload/kernel', initramfs: '/payload/initramfs', append: 'console=ttyS0' }

test('each way of loading is typed as kexec(8) has it', (t) => {
  const rest = `-l '/payload/kernel' --initrd='/payload/initramfs' --append='console=ttyS0'`
  t.is(loadCommand(target, { syscall: 'kexec_load', checks: true, ifdown: true }), `kexec -c ${rest}`)
  t.is(
    loadCommand(target, { syscall: 'kexec_load', checks: false, ifdown: true }),
    `kexec -c --no-checks ${rest}`,
  )
  t.is(loadCommand(target, { syscall: 'kexec_file_load', checks: true, ifdown: true }), `kexec -s ${rest}`)
})

test('nothing from a descriptor reaches the shell unquoted', (t) => {
  const hostile = loadCommand(
    { kernel: '/a b', initramfs: null, append: `x'; reboot; '$(reboot)` },
    { syscall: 'kexec_load', checks: true, ifdown: true },
  )
  t.is(hostile, String.raw`kexec -c -l '/a b' --append='x'\''; reboot; '\''$(reboot)'`)
})

test('a method reads as its options', (t) => {
  t.is(describeMethod({ syscall: 'kexec_load', checks: false, ifdown: false }), 'kexec_load --no-checks -x')
  t.is(describeMethod({ syscall: 'kexec_file_load', checks: true, ifdown: true }), 'kexec_file_load')
})
