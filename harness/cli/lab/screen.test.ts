import { PassThrough, Writable } from 'node:stream'
import test from 'ava'
import { Screen } from './screen.ts'

function screen(isTerminal: boolean) {
  const out = new PassThrough()
  const notes = new PassThrough()
  return {
    screen: new Screen({ isTerminal, out, notes }),
    out: () => String(out.read() ?? ''),
    notes: () => String(notes.read() ?? ''),
  }
}

test('a terminal gets every byte as it is', (t) => {
  const { screen: shown, out } = screen(true)
  shown.bytes(Buffer.from('\x1b[2J\x07# '))
  t.is(out(), '\x1b[2J\x07# ')
})

test('elsewhere nothing acts on whoever reads it, and lines stay lines', (t) => {
  const { screen: shown, out } = screen(false)
  shown.bytes(Buffer.from('one\r\ntwo\r'))
  shown.bytes(Buffer.from('\n\tthree \x1b[31m\x07\u202e'))
  t.is(out(), 'one\ntwo\n\tthree \\x1b[31m\\x07\\u202e')
})

test('UTF-8 that is cut between two chunks stays whole, and what is none is shown', (t) => {
  const { screen: shown, out } = screen(false)
  const bytes = Buffer.from('°')
  shown.bytes(bytes.subarray(0, 1))
  shown.bytes(Buffer.concat([bytes.subarray(1), Buffer.of(0xff)]))
  t.is(out(), '°\ufffd')
})

test('a note is a line of its own', (t) => {
  const { screen: shown, notes } = screen(true)
  shown.bytes(Buffer.from('login: '))
  shown.note('console lost: \x1b[2J')
  shown.note('back')
  t.is(notes(), '\r\n--- console lost: \\x1b[2J ---\r\n--- back ---\r\n')
})

test('what nobody takes is left out and counted, so that memory stays bounded', async (t) => {
  let taken = 0
  let go = () => {}
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      taken += chunk.length
      go = done
    },
  })
  const notes = new PassThrough()
  const shown = new Screen({ isTerminal: true, out, notes })
  for (let count = 0; count < 40; count++) shown.bytes(Buffer.alloc(65_536, 'x'))
  t.true(out.writableLength < 2 * 1024 * 1024)
  while (out.writableLength > 0) {
    go()
    await new Promise(setImmediate)
  }
  shown.bytes(Buffer.from('on'))
  t.is(
    String(notes.read()).trim(),
    `--- ${40 * 65_536 - (taken - 2)} bytes were not shown, nobody took them ---`,
  )
})
