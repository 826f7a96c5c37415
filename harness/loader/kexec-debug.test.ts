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

test('a load that was refused has no layout', (t) => {
  t.is(parseKexecDebug(fixture('kexec-file-load-refused-arm64')), undefined)
  t.is(parseKexecDebug(''), undefined)
})

test('of two loads the last one counts', (t) => {
  const both = fixture('kexec-load-arm64') + fixture('kexec-load-x86_64')
  t.is(parseKexecDebug(both)?.entry, 0x3ffd4760n)
})

for (const arch of ['x86_64', 'arm64'])
  test(`a segment that was lost on the wire leaves nothing to rely on: ${arch}`, (t) => {
    const lines = fixture(`kexec-load-${arch}`).split('\n')
    for (const lost of lines.filter((line) => /^(segment|nr_segments|kexec_load:)/.test(line)))
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
