import test from 'ava'
import { Keys } from './keys.ts'

function typed(...chunks: string[]): string[] {
  const seen: string[] = []
  const keys = new Keys({
    send: (bytes) => seen.push(bytes.toString('latin1')),
    sendBreak: () => seen.push('BREAK'),
    quit: () => seen.push('QUIT'),
  })
  for (const chunk of chunks) keys.push(Buffer.from(chunk, 'latin1'))
  keys.close()
  return seen
}

test('keys go to the board as they are, Ctrl-C among them', (t) => {
  t.deepEqual(typed('ls\r', '\x03\x1b[A'), ['ls\r', '\x03\x1b[A'])
})

test('Ctrl-] b sends BREAK, wherever the keys are cut', (t) => {
  t.deepEqual(typed('a\x1dbc'), ['a', 'BREAK', 'c'])
  t.deepEqual(typed('a\x1d', 'b', 'c'), ['a', 'BREAK', 'c'])
})

test('Ctrl-] twice sends one, and before anything else it quits', (t) => {
  t.deepEqual(typed('\x1d\x1d'), ['\x1d'])
  t.deepEqual(typed('a\x1dq'), ['a', 'QUIT'])
})

test('Ctrl-] alone quits when nothing follows', async (t) => {
  await new Promise<void>((resolve) => {
    new Keys({ send: () => t.fail(), sendBreak: () => t.fail(), quit: resolve }).push(Buffer.of(0x1d))
  })
  t.pass()
})
