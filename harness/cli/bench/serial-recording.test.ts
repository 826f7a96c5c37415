import test from 'ava'
import { lostBytes, stampErrorsMs } from './serial-recording.ts'

const lines = Array.from({ length: 6 }, (_, index) => `[    1.00000${index}] #${index} message\r\n`)
const sent = Buffer.from(lines.join(''))
const size = lines[0]!.length

function read(...parts: string[]): number {
  return lostBytes(sent, Buffer.from(parts.join('')))
}

test('what arrives as it was sent has lost nothing', (t) => {
  t.is(read(...lines), 0)
})

test('a byte that is missing, changed or added spoils its line', (t) => {
  const [first, ...others] = lines
  t.is(read(first!.slice(1), ...others), size)
  t.is(read(first!.replace('m', 'n'), ...others), size)
  t.is(read(first!.replace('m', 'mm'), ...others), size + 1)
})

test('a line in another order or twice counts', (t) => {
  const [first, second, ...others] = lines
  t.is(read(second!, first!, ...others), size)
  t.is(read(first!, first!, second!, ...others), size)
})

test('what never came counts', (t) => {
  t.is(read(...lines.slice(0, 4)), 2 * size)
  t.is(read(), sent.length)
})

test('a line is as late as its two stamps differ, beginning at some time', (t) => {
  const log =
    '[    1.000500] [    1.000000] #0 one\n[    2.001000] [    2.000000] #1 two\n[    3.000000] half a li'
  const rounded = (fromSeconds: number) =>
    stampErrorsMs(log, fromSeconds).map((ms) => Math.round(ms * 10) / 10)
  t.deepEqual(rounded(0), [0.5, 1])
  t.deepEqual(rounded(1.5), [1])
})
