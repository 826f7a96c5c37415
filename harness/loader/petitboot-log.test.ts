import test from 'ava'
import { wholeRefusal } from './petitboot-log.ts'

// pb-discover's log, from petitboot v1.15-14-g96063aa and kexec-tools 2.0.25.

const locked = `udhcpc: lease of 10.0.2.15 obtained from 10.0.2.2, lease time 86400
[17:37:46] Running command:
 exe:  /sbin/kexec
 argv: '/sbin/kexec' '-l' '--initrd=/var/petitboot/mnt/dev/vda/boot/initrd.img' '--append=console=ttyS0 target=A' '/var/petitboot/mnt/dev/vda/boot/vmlinuz'
[17:37:49] kexec_load: kexec load (-l) failed (rc 255): kexec_load failed: Operation not permitted
entry       = 0x3ffd3760 flags = 0x3e0000
nr_segments = 4
segment[0].buf   = 0x7f2fe53ff010
segment[0].memsz = 0x10c000

[17:37:49] Running command:
 exe:  /sbin/kexec
 argv: '/sbin/kexec' '-s' '--initrd=/var/petitboot/mnt/dev/vda/boot/initrd.img' '--append=console=ttyS0 target=A' '/var/petitboot/mnt/dev/vda/boot/vmlinuz'
[17:37:49] kexec_load: kexec load (-s) failed (rc 255): kexec_file_load failed: Operation not permitted

[17:37:49] Failed to load all boot resources
`
const garbage = ['-l', '-s']
  .map(
    (option) => `[17:39:35] Running command:
 exe:  /sbin/kexec
 argv: '/sbin/kexec' '${option}' '/var/petitboot/mnt/dev/vda/boot/garbage'
[17:39:36] kexec_load: kexec load (${option}) failed (rc 255): Cannot determine the file type of /var/petitboot/mnt/dev/vda/boot/garbage

`,
  )
  .join('')

test('both attempts are told where they failed for different reasons, without what would have been loaded', (t) => {
  t.is(
    wholeRefusal('kexec load failed: kexec_file_load failed: Operation not permitted', garbage + locked),
    `kexec load failed: kexec_file_load failed: Operation not permitted
kexec load (-l) failed (rc 255): kexec_load failed: Operation not permitted`,
  )
})

test('a status that the screen cut is whole again', (t) => {
  t.is(
    wholeRefusal(
      'kexec load failed: Cannot determine the file type of /var/petitboot/mnt/dev/vda',
      locked + garbage,
    ),
    'kexec load failed: Cannot determine the file type of /var/petitboot/mnt/dev/vda/boot/garbage',
  )
})

test('the file that is not there is named, the last one', (t) => {
  const log = `${garbage}[17:39:45] Error starting load for kernel image at file:///var/petitboot/mnt/dev/vda/boot/no-such-kernel
[17:39:54] Error starting load for initrd at file:///var/petitboot/mnt/dev/vda/boot/no-such-initrd
[17:39:54] Failed to load all boot resources
`
  t.is(
    wholeRefusal('Error loading initrd', log),
    'Error loading initrd\nError starting load for initrd at file:///var/petitboot/mnt/dev/vda/boot/no-such-initrd',
  )
})

test('which ways to reboot were tried is told', (t) => {
  const commands = ["'/sbin/shutdown' '-r' 'now'", "'/sbin/kexec' '-e'", "'/sbin/kexec' '-e' '-f'"]
  const log = commands.map((argv) => `[17:36:58] Running command:\n exe:  /sbin/x\n argv: ${argv}\n`).join('')
  t.is(
    wholeRefusal(
      'kexec reboot failed',
      `${garbage}${log}No kernel specified\n[17:36:59] kexec_reboot: failed: (65280)\n`,
    ),
    'kexec reboot failed\ntried: shutdown -r now; kexec -e; kexec -e -f',
  )
})

test('what the log does not tell more of is told as the status line has it', (t) => {
  t.is(
    wholeRefusal('Boot verification failure: signature verification failed', garbage),
    'Boot verification failure: signature verification failed',
  )
  t.is(wholeRefusal('kexec reboot failed', locked), 'kexec reboot failed')
  t.is(wholeRefusal('kexec load failed: (no output)', ''), 'kexec load failed: (no output)')
})
