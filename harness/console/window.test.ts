import test from 'ava'
import { TextWindow } from './window.ts'

const mebibyte = 2 ** 20

/** Text whose every position can be told from what stands there. */
function counted(from: number, length: number): string {
  let text = ''
  for (let at = from - (from % 8); at < from + length; at += 8) text += String(at).padStart(8, '0')
  return text.slice(from % 8, (from % 8) + length)
}

function fill(window: TextWindow, length: number, chunk: number): void {
  for (let from = 0; from < length; from += chunk)
    window.push(Buffer.from(counted(from, Math.min(chunk, length - from))), BigInt(from))
}

for (const chunk of [7, 1_000, 100_000])
  test(`gives the text from any position on, in chunks of ${chunk}`, (t) => {
    const window = new TextWindow()
    fill(window, 200_000, chunk)
    t.is(window.end, 200_000)
    for (const from of [0, 1, 16_383, 16_384, 50_001, 183_999, 199_999])
      t.is(window.since(from), counted(from, 200_000 - from))
    t.is(window.since(200_000), '')
  })

test('knows when the character at a position arrived', (t) => {
  const window = new TextWindow()
  fill(window, 100_000, 1_000)
  t.is(window.stampAt(0), 0n)
  t.is(window.stampAt(999), 0n)
  t.is(window.stampAt(1_000), 1_000n)
  t.is(window.stampAt(99_999), 99_000n)
})

test('keeps at least one mebibyte, at most two and a piece, and positions stay what they were', (t) => {
  const window = new TextWindow()
  const length = 5 * mebibyte + 123
  fill(window, length, 5_000)
  const kept = window.since(0)
  t.true(kept.length >= mebibyte)
  t.true(kept.length <= 2 * mebibyte + 32_768)
  t.is(kept, counted(length - kept.length, kept.length))
  t.is(window.since(length - 10), counted(length - 10, 10))
  t.is(window.stampAt(length - 10), BigInt(Math.floor((length - 10) / 5_000) * 5_000))
})

test('is empty before anything came', (t) => {
  t.is(new TextWindow().since(0), '')
  t.is(new TextWindow().end, 0)
})
