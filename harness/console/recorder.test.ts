import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import type { LabError } from '../errors.ts'
import { ConsoleRecorder } from './recorder.ts'

function openRecorder() {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-recorder-'))
  const failures: LabError[] = []
  const open = () =>
    new ConsoleRecorder({
      folder,
      board: 'b',
      originNs: 1_000_000_000n,
      onFailure: (error) => failures.push(error),
    })
  const read = (end: string) => readFileSync(join(folder, `b.${end}`), 'latin1')
  return { folder, failures, open, read, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}

const line = (text: string, atNs: bigint) => ({ text, atNs, cut: false })

test('what came is on disk once the turn is over: bytes as they came, lines with their seconds', async (t) => {
  using files = openRecorder()
  using recorder = files.open()
  recorder.raw(Buffer.from('one\r\nt\x1b[1m'))
  recorder.raw(Buffer.from('wo\r\n'))
  recorder.lines([line('one', 1_000_000_000n), line('t\x1bwo', 3_500_000_000n)])
  await turn()
  t.is(files.read('raw'), 'one\r\nt\x1b[1mwo\r\n')
  t.is(files.read('log'), '[    0.000000] one\n[    2.500000] t\\x1bwo\n')
})

test('closing writes what is left, and a second recorder appends', (t) => {
  using files = openRecorder()
  for (const text of ['one', 'two']) {
    using recorder = files.open()
    recorder.raw(Buffer.from(text))
  }
  t.is(files.read('raw'), 'onetwo')
})

test('a full disk is told once, and reading goes on', async (t) => {
  using files = openRecorder()
  symlinkSync('/dev/full', join(files.folder, 'b.raw'))
  using recorder = files.open()
  for (let count = 0; count < 3; count++) {
    recorder.raw(Buffer.from('x'))
    await turn()
  }
  t.is(files.failures.length, 1)
  t.regex(files.failures[0]!.message, /the disk is full/)
})
