import { readFile } from 'node:fs/promises'
import { gunzipSync } from 'node:zlib'
import test from 'ava'
import { findCommandLines, readPrintkLog } from './printk-log.ts'

// The RAM of a QEMU q35 machine that ran Debian's 6.1 kernel with `console=null nonce=5eed`: the array of printk_info, then
// the first 60 blocks of the text ring.
const memory = gunzipSync(await readFile(new URL('fixtures/printk-x86_64.bin.gz', import.meta.url)))
const [record] = findCommandLines(memory)

test('the log around the command line is read with its time stamps', (t) => {
  const lines = readPrintkLog(memory, record!, '5eed')!
  t.is(lines.length, 60)
  t.regex(lines[0]!, /^\[ {4}0\.000000\] Linux version 6\.1\.0-56-cloud-amd64 \(/)
  t.deepEqual(lines.slice(1, 3), [
    '[    0.000000] Command line: console=null nonce=5eed',
    '[    0.000000] BIOS-provided physical RAM map:',
  ])
  t.is(lines[57], '[    0.039429] ACPI: LAPIC_NMI (acpi_id[0xff] dfl dfl lint[0x1])')
})

test('without the array of printk_info the text is the same, without stamps', (t) => {
  const expected = readPrintkLog(memory, record!, '5eed')!.map((line) => line.slice('[    0.000000] '.length))
  const text = Buffer.from(memory)
  text.fill(0, 0, 64 + 88 * 70)
  t.deepEqual(readPrintkLog(text, record!, '5eed'), expected)
})

test("another kernel's log is not taken", (t) => {
  t.is(readPrintkLog(memory, record!, 'another nonce'), undefined)
})

test('a command line that is no printk record is not taken', (t) => {
  const text = 'Kernel command line: console=null nonce=5eed\0'
  t.deepEqual(findCommandLines(Buffer.from(text.padStart(4096 + text.length, '\0'))), [])
  t.deepEqual(findCommandLines(Buffer.from(text)), [])
  t.deepEqual(findCommandLines(Buffer.from(`[    0.000000] ${text}`.padStart(8192, '.'))), [])
})

test('memory that is damaged gives fewer lines, not an error', (t) => {
  const damaged = Buffer.from(memory)
  damaged.fill(0xff, record! + 2048)
  const lines = readPrintkLog(damaged, record!, '5eed')!
  t.true(lines.length > 2 && lines.length < 60)
  t.deepEqual(readPrintkLog(memory.subarray(0, record! + 64), record!, '5eed')?.length, 3)
})
