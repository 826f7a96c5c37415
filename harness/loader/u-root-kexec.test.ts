import test from 'ava'
import { openCast } from '../console/cast/cast-fixture.ts'
import { Shell } from '../console/shell.ts'
import type { LoadMethod, LoadTarget } from './loader.ts'
import { uRootKexec, uRootLoadCommand } from './u-root-kexec.ts'

const append =
  'console=ttyS0 quiet target=S kexec_harness.nonce=0123456789abcdef another.long.word=to-see-that-long-lines-are-no-matter'
const target = (kernel: string): LoadTarget => ({
  kernel: `/m/boot/${kernel}`,
  initramfs: '/m/boot/initrd.img',
  append,
})
const method = (syscall: LoadMethod['syscall']): LoadMethod => ({ syscall, checks: true, ifdown: true })
const both = ['kexec_file_load', 'kexec_load'] as const

test('a load is typed as its kexec takes it, the kernel last', (t) => {
  const words = { kernel: '/a b', initramfs: null, append: "x='y'" }
  t.is(uRootLoadCommand(words, { syscall: 'kexec_file_load' }), `kexec -l -c 'x='\\''y'\\''' '/a b'`)
  t.is(
    uRootLoadCommand({ ...words, initramfs: '/i' }, { syscall: 'kexec_load' }),
    `kexec -L -l -i '/i' -c 'x='\\''y'\\''' '/a b'`,
  )
})

test('what it can not do is said before anything is typed', (t) => {
  t.regex(uRootKexec.cannot!({ ...method('kexec_load'), checks: false })!, /no way to skip/)
  t.is(uRootKexec.cannot!(method('kexec_load')), undefined)
})

// Recordings of u-root v0.16.0-171-g9b0bdb832 with TERM=dumb on its kernel's command line.
for (const [recording, syscall] of [
  ['kexec', 'kexec_file_load'],
  ['kexec-load', 'kexec_load'],
] as const)
  test(`refusals in its own words, without its noise; then a kernel by ${syscall}`, async (t) => {
    const file = new URL(`recordings/u-root-${recording}.cast`, import.meta.url)
    await using played = await openCast(file, { speed: 0 })
    const shell = new Shell(played.console, { prompt: '$ ' })
    const options = { timeoutMs: 30_000 }
    await played.console.expect(/\$ $/, { ...options, from: 0, what: 'prompt' })
    await shell.synchronise(options.timeoutMs)
    await shell.run('mkdir -p /m && mount -r -t ext4 /dev/vda /m', options)
    for (const [kernel, says] of [
      [
        'garbage',
        [/ SYS_kexec_file_load\(.*\) = exec format error$/, / parsing bzImage Linux kernel: not a bzImage: /],
      ],
      ['nosuch', [/ open \/m\/boot\/nosuch: no such file/, / open \/m\/boot\/nosuch: no such file/]],
      [
        'Image-arm64',
        [/ SYS_kexec_file_load\(.*\) = exec format error$/, / parsing bzImage Linux kernel: not a bzImage: /],
      ],
    ] as const)
      for (const [index, way] of both.entries()) {
        const result = await uRootKexec.load(shell, target(kernel), method(way), options)
        t.like(result, { status: 1, loaded: false, unsupported: false })
        t.regex(result.output, says[index]!)
        t.is(result.output.split('\n').length, 1, 'nothing but the error')
      }
    const nothing = await uRootKexec.execute(shell, method('kexec_load'), options)
    t.is(nothing.status, 1)
    t.regex(nothing.output, / sys_reboot\(\.\.\., kexec\) = invalid argument$/)
    const unload = await uRootKexec.unload(shell, method('kexec_load'), options)
    t.like(unload, { unsupported: true, output: 'flag provided but not defined: -u' })
    const load = await uRootKexec.load(shell, target('vmlinuz'), method(syscall), options)
    t.like(load, { status: 0, loaded: true, output: '' })
    const over = new AbortController()
    const from = played.console.position
    const execute = uRootKexec.execute(shell, method(syscall), { ...options, signal: over.signal })
    const booted = await played.console.expect(/\ncmdline: ([^\r\n]*)\r*\n/, {
      ...options,
      from,
      what: 'command line',
    })
    over.abort(new Error('the new kernel is there'))
    await t.throwsAsync(execute, { message: 'the new kernel is there' })
    t.is(booted.groups[0], append)
  })
