import test from 'ava'
import { AnsiStripper, applyBackspaces } from './ansi.ts'

function strip(...chunks: string[]): string {
  const stripper = new AnsiStripper()
  return chunks.map((chunk) => stripper.strip(Buffer.from(chunk)).toString()).join('')
}

test('colours, cursor movement and bracketed paste vanish', (t) => {
  t.is(strip('\x1b[?2004h\x1b[1;31mred\x1b[0m \x1b[6nplain\x1b7'), 'red plain')
})

test('operating system commands end at BEL or at ESC backslash', (t) => {
  t.is(strip('a\x1b]0;title\x07b\x1b]0;title\x1b\\c'), 'abc')
})

test('a sequence may be cut between any two bytes', (t) => {
  const text = 'a\x1b[1;31mb\x1b]0;t\x1b\\c\x1b(Bd'
  for (let cut = 0; cut <= text.length; cut++)
    t.is(strip(text.slice(0, cut), text.slice(cut)), 'abcd', `cut at ${cut}`)
})

test('a sequence that never ends does not swallow the next line', (t) => {
  t.is(strip('a\x1b]0;never ended\nnext'), 'a\nnext')
  t.is(strip('a\x1b[12\nnext'), 'a\nnext')
})

test('text without control sequences is handed on as it is', (t) => {
  const chunk = Buffer.from('plain')
  t.is(new AnsiStripper().strip(chunk), chunk)
})

test('a backspace takes back a character', (t) => {
  t.is(applyBackspaces('abd\bc\b\b\b\b\bx'), 'x')
})
