import test from 'ava'
import { executeCommand, loadCommand } from './kexec-tools.ts'
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

test('each option is typed as kexec(8) has it', (t) => {
  const plain = { syscall: 'kexec_load', checks: true, ifdown: true } as const
  const typed = loadCommand(target, {
    ...plain,
    options: {
      ...{ memMin: 0x10000000, memMax: 0x1fffffff, reuseCommandLine: true },
      ...{ dtb: '/tmp/a b.dtb', sync: false, debug: true },
    },
  })
  t.true(
    typed.startsWith(
      "kexec -c -d -y --mem-min=0x10000000 --mem-max=0x1fffffff --dtb='/tmp/a b.dtb' --reuse-cmdline -l ",
    ),
    typed,
  )
  t.regex(loadCommand(target, plain, 'crash'), /^kexec -c -p '\/payload\/kernel' /)
  t.is(executeCommand(plain), 'kexec -e')
  t.is(executeCommand({ ...plain, ifdown: false, options: { sync: false } }), 'kexec -e -x -y')
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
  t.is(
    describeMethod({
      syscall: 'kexec_load',
      checks: true,
      ifdown: true,
      options: { reuseCommandLine: true },
    }),
    'kexec_load --reuse-cmdline',
  )
  t.is(describeMethod({ syscall: 'kexec_file_load', checks: true, ifdown: true }), 'kexec_file_load')
})
