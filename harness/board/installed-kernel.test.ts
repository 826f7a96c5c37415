import test from 'ava'
import { inheritable } from './installed-kernel.ts'

test('a command line is handed on without what the bootloader and the harness put there', (t) => {
  t.is(
    inheritable(
      'BOOT_IMAGE=/boot/vmlinuz-6.1 root=UUID=1 ro quiet  initrd=\\initrd kexec_harness.nonce=ab console=ttyS0\n',
    ),
    'root=UUID=1 ro quiet console=ttyS0',
  )
})
