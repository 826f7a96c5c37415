import test from 'ava'
import { execa } from 'execa'
import { parseTimedCalls, timedCallScript } from './initcalls.ts'

/** Lines of Debian's 6.1 for x86_64 under QEMU, one of a kernel with CONFIG_PRINTK_CALLER, and one without stamps. */
const log = `[    0.000000] Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org)
[    0.262311] calling  acpi_init+0x0/0x4d4 @ 1
[    0.412345] initcall acpi_init+0x0/0x4d4 returned 0 after 150034 usecs
[    0.512345] initcall intel_idle_init+0x0/0x50a returned -19 after 0 usecs
[    0.900000][    T1] initcall trace_init_flags+0x0/0x11 returned 0 after 7 usecs
[    1.100000] probe of 0000:00:03.0 returned 0 after 5123 usecs
initcall pty_init+0x0/0x3b8 returned 0 after 812 usecs
[    1.900000] Run /init as init process
[    2.700000] initcall virtio_blk_init+0x0/0x1000 [virtio_blk] returned 0 after 48211 usecs
[    2.800000] probe of 00:04 returned 1 after 33 usecs
`

/** What a board makes of its log. */
async function onBoard(text: string): Promise<string> {
  const { stdout } = await execa(
    'sh',
    ['-c', `sed -n ${timedCallScript} | sort -rn | head -n 30 | cut -c 1-160`],
    {
      input: text,
      env: { LC_ALL: 'C' },
    },
  )
  return stdout
}

test('a board’s own tools find the times in its log, and nothing of it looks like a kernel message', async (t) => {
  const output = await onBoard(log)
  t.deepEqual(output.split('\n'), [
    '150034 initcall 0 0.412345 acpi_init+0x0/0x4d4',
    '48211 initcall 0 2.700000 virtio_blk_init+0x0/0x1000 [virtio_blk]',
    '5123 probe 0 1.100000 0000:00:03.0',
    '812 initcall 0  pty_init+0x0/0x3b8',
    '33 probe 1 2.800000 00:04',
    '7 initcall 0 0.900000 trace_init_flags+0x0/0x11',
    '0 initcall -19 0.512345 intel_idle_init+0x0/0x50a',
  ])
})

test('initcalls have their module, probes their device, both when they came back', async (t) => {
  const calls = parseTimedCalls(await onBoard(log))
  t.deepEqual(calls.slice(0, 4), [
    { kind: 'initcall', name: 'acpi_init', module: null, returned: 0, us: 150_034, endS: 0.412345 },
    { kind: 'initcall', name: 'virtio_blk_init', module: 'virtio_blk', returned: 0, us: 48_211, endS: 2.7 },
    { kind: 'probe', name: '0000:00:03.0', module: null, returned: 0, us: 5123, endS: 1.1 },
    { kind: 'initcall', name: 'pty_init', module: null, returned: 0, us: 812, endS: null },
  ])
  t.is(calls.at(-1)!.returned, -19)
})

const hostile: [what: string, line: string][] = [
  ['nothing', ''],
  ['no number', 'many initcall 0 0.1 x+0x0/0x1'],
  ['a number without end', `${'9'.repeat(400)} initcall 0 0.1 x+0x0/0x1`],
  ['another kind', '12 exitcall 0 0.1 x+0x0/0x1'],
  ['no name', '12 initcall 0 0.1 '],
  ['a shell’s complaint', 'sh: sort: not found'],
]
for (const [what, line] of hostile) test(`${what} is no call`, (t) => t.deepEqual(parseTimedCalls(line), []))

test('a name is bounded, whatever it is made of, and so is their number', (t) => {
  const [call] = parseTimedCalls(`12 probe 0 0.1 \x1b[2J${'x'.repeat(1000)}`)
  t.is(call!.name.length, 100)
  t.is(parseTimedCalls('12 initcall 0 0.1 x+0x0/0x1\n'.repeat(10_000)).length, 100)
  t.is(parseTimedCalls('12 initcall 0 0.1 0xffffffffc0')[0]!.name, '0xffffffffc0')
})
