import { setImmediate as nextTurn } from 'node:timers/promises'
import test from 'ava'
import { HvcInput } from './hvc-input.ts'

type Listener = (chunk: Buffer) => void

/** A console that answers each piece with `echo`, a byte at a time. */
function consoleWith(echo: (piece: string) => string) {
  const listeners = new Set<Listener>()
  const sent: string[] = []
  const say = (text: string) => {
    for (const listener of [...listeners]) listener(Buffer.from(text))
  }
  const input = new HvcInput(
    async (bytes) => {
      const piece = bytes.toString()
      sent.push(piece)
      setImmediate(() => [...echo(piece)].map(say))
    },
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  )
  return { input, sent, listeners, say }
}

test('a long line goes out in pieces, whole and in order', async (t) => {
  const { input, sent, listeners } = consoleWith((piece) => piece)
  const line = 'kexec -l /payload/kernel --initrd=/payload/initramfs'
  await input.write(Buffer.from(line))
  t.is(sent.join(''), line)
  t.true(sent.every((piece) => piece.length <= 8))
  t.is(listeners.size, 0)
})

test('two writes at a time do not mix', async (t) => {
  const { input, sent } = consoleWith((piece) => piece)
  await Promise.all([input.write(Buffer.from('a'.repeat(20))), input.write(Buffer.from('b'.repeat(20)))])
  t.is(sent.join(''), `${'a'.repeat(20)}${'b'.repeat(20)}`)
})

test('the next piece waits for the whole echo of the one before', async (t) => {
  const { input, sent, say } = consoleWith(() => '')
  const written = input.write(Buffer.from('0123456789'))
  await nextTurn()
  say('0123')
  await nextTurn()
  t.deepEqual(sent, ['01234567'])
  say('4567')
  await written
  t.deepEqual(sent, ['01234567', '89'])
})

test('what is not echoed, as a password, goes out all the same', async (t) => {
  const { input, sent, listeners } = consoleWith(() => '')
  await input.write(Buffer.from('correct horse'))
  t.is(sent.join(''), 'correct horse')
  t.is(listeners.size, 0)
})

test('a console that is gone is told, and the next write is tried', async (t) => {
  let gone = true
  const sent: string[] = []
  const input = new HvcInput(
    async (bytes) => {
      if (gone) throw new Error('QEMU is gone')
      sent.push(bytes.toString())
    },
    () => () => {},
  )
  await t.throwsAsync(input.write(Buffer.from('x')), { message: 'QEMU is gone' })
  gone = false
  await input.write(Buffer.from('y'))
  t.deepEqual(sent, ['y'])
})
