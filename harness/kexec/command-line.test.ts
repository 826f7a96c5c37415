import test from 'ava'
import { commandLine } from './command-line.ts'

const plain = { earlyConsole: true, append: '', nonce: 'abc' }

test('POWER gets its hypervisor console and no early one, which it has by itself', (t) => {
  t.is(commandLine({ ...plain, arch: 'ppc64le' }), 'console=hvc0 kexec_harness.nonce=abc')
  t.is(
    commandLine({ ...plain, arch: 'ppc64le', append: 'console=hvc1 quiet' }),
    'console=hvc1 quiet kexec_harness.nonce=abc',
  )
})

test('other architectures get an early console unless they have one or want none', (t) => {
  t.is(commandLine({ ...plain, arch: 'arm64' }), 'console=ttyAMA0 earlycon kexec_harness.nonce=abc')
  t.is(
    commandLine({ ...plain, arch: 'x86_64', earlyConsole: false }),
    'console=ttyS0 kexec_harness.nonce=abc',
  )
  t.is(
    commandLine({ ...plain, arch: 'arm64', append: 'earlycon=pl011,0x7ff80000' }),
    'console=ttyAMA0 earlycon=pl011,0x7ff80000 kexec_harness.nonce=abc',
  )
})
