import test from 'ava'
import { LineSplitter, maxLineBytes } from './lines.ts'

const texts = (splitter: LineSplitter, text: string | Buffer, atNs: bigint) =>
  splitter.push(Buffer.from(text as string), atNs).map((line) => line.text)

test('a line has the time of its first byte, however many chunks it came in', (t) => {
  const splitter = new LineSplitter()
  t.deepEqual(splitter.push(Buffer.from('Linux ver'), 10n), [])
  t.deepEqual(splitter.push(Buffer.from('sion'), 20n), [])
  t.deepEqual(splitter.push(Buffer.from(' 6.1\r\nnext\n'), 30n), [
    { text: 'Linux version 6.1', atNs: 10n, cut: false },
    { text: 'next', atNs: 30n, cut: false },
  ])
})

test('carriage returns at the end are no part of a line', (t) => {
  t.deepEqual(texts(new LineSplitter(), 'a\r\r\n\r\nb\n', 1n), ['a', '', 'b'])
})

test('a line that never ends is handed out in bounded pieces', (t) => {
  const splitter = new LineSplitter()
  const lines = splitter.push(Buffer.alloc(3 * maxLineBytes + 5, 'x'), 1n)
  t.deepEqual(
    lines.map((line) => [line.text.length, line.cut]),
    Array(3).fill([maxLineBytes, true]),
  )
  t.is(splitter.partial, 'xxxxx')
})

test('bytes that are no UTF-8 show as replacement characters, also when a character is cut by a chunk', (t) => {
  const splitter = new LineSplitter()
  const [first, second] = [Buffer.from([0x63, 0xc3]), Buffer.from([0xa9, 0xff, 0x0a])]
  splitter.push(first, 1n)
  t.is(splitter.push(second, 2n)[0]?.text, 'cé\ufffd')
})

test('the unfinished line can be seen, and is handed out at the end', (t) => {
  const splitter = new LineSplitter()
  splitter.push(Buffer.from('login: '), 7n)
  t.is(splitter.partial, 'login: ')
  t.deepEqual(splitter.flush(), [{ text: 'login: ', atNs: 7n, cut: true }])
  t.deepEqual(splitter.flush(), [])
})
