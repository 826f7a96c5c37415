import test from 'ava'
import { hostShell } from './host-shell-fixture.ts'
import { readingInitcalls } from './initcalls.ts'

const parameter = '/sys/module/kernel/parameters/initcall_debug'
const log = `[    0.000000] Linux version 6.1.0-56-cloud-amd64
[    0.412345] initcall acpi_init+0x0/0x4d4 returned 0 after 150034 usecs
[    0.900000] initcall late_module_init+0x0/0x10 [early] returned 0 after 3 usecs
[    1.900000] Run /init as init process
[    2.700000] initcall virtio_blk_init+0x0/0x1000 [virtio_blk] returned 0 after 48211 usecs
[    2.800000] probe of 0000:00:05.0 returned 0 after 33 usecs`

const boardWith = (t: Parameters<typeof hostShell>[0], dmesg: string) =>
  hostShell(t, { files: { [parameter]: '1' }, programs: { dmesg } })

test('the slowest are read with the phase that they ran in, and the kernel is quiet again', async (t) => {
  const { occasion, evidence, read } = boardWith(t, `cat <<'END'\n${log}\nEND`)
  await readingInitcalls().finish!(occasion, true)
  t.deepEqual(evidence.notes, [])
  t.is(evidence.initcalls!.count, 3)
  t.deepEqual(
    evidence.initcalls!.calls.map(({ name, us, phase }) => [name, us, phase]),
    [
      ['acpi_init', 150_034, 'startup'],
      ['virtio_blk_init', 48_211, 'userspace'],
      ['0000:00:05.0', 33, 'userspace'],
      ['late_module_init', 3, 'startup'],
    ],
  )
  t.is(read(parameter), '0')
})

test('a log without stamps tells the phase by whether it is a module', async (t) => {
  const { occasion, evidence } = boardWith(t, `cat <<'END'\n${log.replaceAll(/^\[.*?\] /gm, '')}\nEND`)
  await readingInitcalls().finish!(occasion, true)
  t.deepEqual(
    evidence.initcalls!.calls.map(({ name, phase }) => [name, phase]),
    [
      ['acpi_init', 'startup'],
      ['virtio_blk_init', 'userspace'],
      ['0000:00:05.0', 'startup'],
      ['late_module_init', 'userspace'],
    ],
  )
})

test('thousands of lines are made few on the board, each of them short', async (t) => {
  const { occasion, evidence } = boardWith(
    t,
    `for n in $(seq 3000); do echo "[    0.500000] initcall f$n+0x0/0x1 returned 0 after $n usecs"; done
     echo "[    0.6] initcall $(printf '%05000d' 1)+0x0/0x1 returned 0 after 9999 usecs"`,
  )
  await readingInitcalls().finish!(occasion, true)
  const { count, calls } = evidence.initcalls!
  t.is(count, 3001)
  t.is(calls.length, 30)
  t.deepEqual([calls[0]!.us, calls[1]!.name, calls.at(-1)!.us], [9999, 'f3000', 2972])
  t.true(calls.every(({ name }) => name.length <= 100))
  t.deepEqual(evidence.notes, ['the beginning of the log is lost: slow initcalls may be missing'])
})

test('what can’t be read is a note, and a board that does not answer is not asked', async (t) => {
  const silent = boardWith(t, 'echo "[    0.000000] Linux version 6.1"')
  await readingInitcalls().finish!(silent.occasion, true)
  t.is(silent.evidence.initcalls, undefined)
  t.regex(silent.evidence.notes[0]!, /^the initcalls are not known: /)
  const dead = boardWith(t, 'exit 1')
  await readingInitcalls().finish!(dead.occasion, false)
  t.deepEqual(dead.evidence.notes, [])
})
