import test from 'ava'
import type { Clock } from '../clock.ts'
import { Pacer, paceFrom, uartPace } from './pace.ts'

/** Time that passes only by sleeping. */
function fakeClock(): Clock & { ms: number } {
  const clock = {
    ms: 0,
    nowNs: () => BigInt(Math.round(clock.ms * 1e6)),
    sleep: async (ms: number) => {
      clock.ms += ms
    },
  }
  return clock
}

function sender(clock: { ms: number }) {
  const sent: string[] = []
  return { sent, send: async (piece: Buffer) => void sent.push(`${clock.ms}: ${piece.toString()}`) }
}

const open = new AbortController().signal

test('input goes out in pieces, an interval apart, also from one write to the next', async (t) => {
  const clock = fakeClock()
  const { sent, send } = sender(clock)
  const pacer = new Pacer({ bytes: 4, intervalMs: 10 }, clock)
  await pacer.write(Buffer.from('0123456789'), send, open)
  await pacer.write(Buffer.from('ab'), send, open)
  clock.ms += 100
  await pacer.write(Buffer.from('cd'), send, open)
  t.deepEqual(sent, ['0: 0123', '10: 4567', '20: 89', '30: ab', '130: cd'])
})

test('without a pace a write goes out as it is', async (t) => {
  const { sent, send } = sender({ ms: 0 })
  await new Pacer(undefined, fakeClock()).write(Buffer.from('x'.repeat(5000)), send, open)
  t.deepEqual(sent, [`0: ${'x'.repeat(5000)}`])
})

test('writes never interleave, and one that fails does not hold up the next', async (t) => {
  const clock = fakeClock()
  const { sent, send } = sender(clock)
  const pacer = new Pacer({ bytes: 2, intervalMs: 1 }, clock)
  const broken = pacer.write(Buffer.from('xx'), () => Promise.reject(new Error('unplugged')), open)
  const writes = [
    pacer.write(Buffer.from('aaaa'), send, open),
    pacer.alone(async () => void sent.push('break')),
    pacer.write(Buffer.from('bbbb'), send, open),
  ]
  await t.throwsAsync(broken, { message: 'unplugged' })
  await Promise.all(writes)
  t.deepEqual(
    sent.map((piece) => piece.replace(/^.*: /, '')),
    ['aa', 'aa', 'break', 'bb', 'bb'],
  )
})

test('a FIFO of 16 bytes is filled in no less time than the line takes for it', (t) => {
  t.deepEqual(uartPace(115_200), { bytes: 16, intervalMs: 2 })
  t.deepEqual(uartPace(9600), { bytes: 16, intervalMs: 17 })
  t.deepEqual(paceFrom({ bytes: 1, every: '5ms' }), { bytes: 1, intervalMs: 5 })
})
