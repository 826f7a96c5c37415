import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import type { LabError } from '../errors.ts'
import { ConsoleRecorder } from './recorder.ts'

function openRecorder() {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-recorder-'))
  const failures: LabError[] = []
  const open = (secrets: string[] = []) =>
    new ConsoleRecorder({
      folder,
      board: 'b',
      secrets,
      originNs: 1_000_000_000n,
      onFailure: (error) => failures.push(error),
    })
  const read = (end: string) => readFileSync(join(folder, `b.${end}`), 'latin1')
  return { folder, failures, open, read, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}

const line = (text: string, atNs: bigint) => ({ text, atNs, cut: false })

test('what came is on disk soon: bytes as they came, lines with their seconds', async (t) => {
  using files = openRecorder()
  using recorder = files.open()
  recorder.raw(Buffer.from('one\r\nt\x1b[1m'), 1_000_000_000n)
  recorder.raw(Buffer.from('wo\r\n'), 1_000_000_000n)
  recorder.lines([line('one', 1_000_000_000n), line('t\x1bwo', 3_500_000_000n)])
  while (files.read('log') === '') await sleep(1)
  t.is(files.read('raw'), 'one\r\nt\x1b[1mwo\r\n')
  t.is(files.read('log'), '[    0.000000] one\n[    2.500000] t\\x1bwo\n')
})

test('closing writes what is left, and a second recorder appends', (t) => {
  using files = openRecorder()
  for (const text of ['one', 'two']) {
    using recorder = files.open()
    recorder.raw(Buffer.from(text), 1_000_000_000n)
  }
  t.is(files.read('raw'), 'onetwo')
})

test('a full disk is told once, and reading goes on', async (t) => {
  using files = openRecorder()
  symlinkSync('/dev/full', join(files.folder, 'b.raw'))
  const recorder = files.open()
  recorder.raw(Buffer.from('x'), 1_000_000_000n)
  while (files.failures.length === 0) await sleep(1)
  recorder.raw(Buffer.from('y'), 1_000_000_000n)
  recorder[Symbol.dispose]()
  t.is(files.failures.length, 1)
  t.regex(files.failures[0]!.message, /the disk is full/)
})

test('a secret is written neither into the bytes, wherever they are cut, nor into the log', (t) => {
  using files = openRecorder()
  {
    using recorder = files.open(['hunter2'])
    for (const text of ['login: root\r\nPass: hun', 'ter2\r\n# hunt'])
      recorder.raw(Buffer.from(text), 1_000_000_000n)
    recorder.lines([line('Pass: hunter2', 1_000_000_000n)])
    recorder.note('console lost: hunter2 unplugged', 2_000_000_000n)
    recorder.raw(Buffer.from('ing after the hole, hun'), 1_000_000_000n)
  }
  t.is(files.read('raw'), 'login: root\r\nPass: *******\r\n# hunting after the hole, hun')
  t.is(
    files.read('log'),
    '[    0.000000] Pass: *******\n[    1.000000] --- console lost: ******* unplugged ---\n',
  )
})
