import { readFileSync } from 'node:fs'
import test from 'ava'
import { debugNoise, entrySegment, parseKexecDebug } from './kexec-debug.ts'

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.txt`, import.meta.url), 'utf8')

test('reads the segments of a kexec_load on x86_64', (t) => {
  const layout = parseKexecDebug(fixture('kexec-load-x86_64'))!
  t.is(layout.syscall, 'kexec_load')
  t.is(layout.entry, 0x3ffd4760n)
  t.is(layout.segments.length, 5)
  t.deepEqual(layout.segments[2], {
    buf: 0x7f19f79fb010n,
    bufsz: 0xd827c0,
    mem: 0x3cc00000n,
    memsz: 0x3378000,
  })
  t.is(entrySegment(layout), layout.segments[4], 'the entry point is in purgatory, the last segment')
})

test('reads the segments of a kexec_load on arm64', (t) => {
  const layout = parseKexecDebug(fixture('kexec-load-arm64'))!
  t.is(layout.entry, 0x438e16a0n)
  t.deepEqual(
    layout.segments.map(({ mem, memsz }) => [mem, memsz]),
    [
      [0x41c00000n, 0x1ab0000],
      [0x436b0000n, 0x22f000],
      [0x438df000n, 0x2000],
      [0x438e1000n, 0x4000],
    ],
  )
  t.is(entrySegment(layout), layout.segments[3])
})

test('reads what the kernel tells of a kexec_file_load', (t) => {
  const text = fixture('kexec-file-load-x86_64')
  const layout = parseKexecDebug(text)!
  t.is(layout.syscall, 'kexec_file_load')
  t.is(layout.entry, 0x3ffd8160n)
  t.is(layout.segments.length, 4)
  t.deepEqual(layout.segments[2], { buf: null, bufsz: 0xb967c0, mem: 0x3c600000n, memsz: 0x37ef000 })
  t.is(entrySegment(layout), layout.segments[0], "the entry point is in the kernel's own purgatory")
  const withoutStamps = text.replaceAll(/^.*kexec_file: /gm, '')
  t.deepEqual(parseKexecDebug(withoutStamps), layout)
  t.deepEqual(parseKexecDebug(fixture('kexec-load-x86_64') + text), layout, 'the later of two')
})

test('a load that was refused has no layout', (t) => {
  t.is(parseKexecDebug(fixture('kexec-file-load-refused-arm64')), undefined)
  t.is(parseKexecDebug(''), undefined)
})

test('of two loads the last one counts', (t) => {
  const both = fixture('kexec-load-arm64') + fixture('kexec-load-x86_64')
  t.is(parseKexecDebug(both)?.entry, 0x3ffd4760n)
})

for (const name of ['kexec-load-x86_64', 'kexec-load-arm64', 'kexec-file-load-x86_64'])
  test(`a segment that was lost on the wire leaves nothing to rely on: ${name}`, (t) => {
    const lines = fixture(name).split('\n')
    const telling = lines.filter((line) =>
      /segment\[|nr_segments|kexec_(file_)?load: .*(entry|start)/.test(line),
    )
    t.true(telling.length > 5)
    for (const lost of telling)
      t.is(parseKexecDebug(lines.filter((line) => line !== lost).join('\n')), undefined, lost)
  })

test('what is left out on the console is nothing that is read', (t) => {
  const noise = new RegExp(debugNoise)
  for (const arch of ['x86_64', 'arm64']) {
    const whole = fixture(`kexec-load-${arch}`)
    const kept = whole.split('\n').filter((line) => !noise.test(line))
    t.deepEqual(parseKexecDebug(kept.join('\n')), parseKexecDebug(whole))
    t.true(kept.join('\n').length < whole.length / 4)
  }
})
