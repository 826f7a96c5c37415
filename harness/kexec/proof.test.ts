import test from 'ava'
import { commandLine, newNonce } from './command-line.ts'
import { missingProof } from './proof.ts'

const before = {
  bootId: '1b4c2b0e-0000-4000-8000-000000000001',
  release: '6.1.0',
  nonce: 'aaaaaaaaaaaa',
  memAvailableKiB: 1,
}
const after = { ...before, bootId: '1b4c2b0e-0000-4000-8000-000000000002', nonce: 'bbbbbbbbbbbb' }

test('a new boot_id and the nonce of this cycle prove a kexec', (t) => {
  t.deepEqual(missingProof(before, after, 'bbbbbbbbbbbb'), [])
})

test('the same boot_id is the same kernel', (t) => {
  t.regex(
    missingProof(before, { ...after, bootId: before.bootId }, 'bbbbbbbbbbbb').join(),
    /the same kernel runs on/,
  )
})

test('another nonce, or none, is another boot', (t) => {
  t.regex(
    missingProof(before, { ...after, nonce: 'cccccccccccc' }, 'bbbbbbbbbbbb').join(),
    /has the nonce cccccccccccc, not this cycle's bbbbbbbbbbbb/,
  )
  t.regex(missingProof(before, { ...after, nonce: null }, 'bbbbbbbbbbbb').join(), /has no nonce/)
})

test('a boot_id that could not be read proves nothing', (t) => {
  t.regex(missingProof(before, { ...after, bootId: '' }, 'bbbbbbbbbbbb').join(), /could not be read/)
})

test('nonces differ', (t) => {
  t.not(newNonce(), newNonce())
})

test("the command line names the console and an early one, the user's words, and the nonce", (t) => {
  t.is(
    commandLine({ arch: 'arm64', earlyConsole: true, append: 'quiet', nonce: 'n1' }),
    'console=ttyAMA0 earlycon quiet kexec_harness.nonce=n1',
  )
  t.is(
    commandLine({ arch: 'x86_64', earlyConsole: false, append: '', nonce: 'n1' }),
    'console=ttyS0 kexec_harness.nonce=n1',
  )
})

test("the user's own console and earlycon are left alone", (t) => {
  t.is(
    commandLine({
      arch: 'arm64',
      earlyConsole: true,
      append: 'console=ttyS3 earlycon=pl011,0x9000000',
      nonce: 'n1',
    }),
    'console=ttyS3 earlycon=pl011,0x9000000 kexec_harness.nonce=n1',
  )
})
