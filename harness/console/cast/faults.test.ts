import test from 'ava'
import type { Connect, ConnectionSink } from '../transport.ts'
import { type FaultOptions, withFaults } from './faults.ts'

/** A board that the test speaks for, behind a bad line. */
async function open(faults: Omit<FaultOptions, 'clock'>) {
  let nowMs = 0
  const sleepers: { atMs: number; wake: () => void }[] = []
  const clock = {
    nowNs: () => BigInt(Math.round(nowMs * 1e6)),
    sleep: (ms: number) => new Promise<void>((wake) => void sleepers.push({ atMs: nowMs + ms, wake })),
  }
  const heard: [number, string][] = []
  const typed: [number, string][] = []
  let board!: ConnectionSink
  const connect: Connect = async (sink) => {
    board = sink
    return { write: async (bytes) => void typed.push([nowMs, bytes.toString()]), close: async () => {} }
  }
  const sink = {
    bytes: (chunk: Buffer) => void heard.push([nowMs, chunk.toString()]),
    ended: (reason: string) => void heard.push([nowMs, `(${reason})`]),
  }
  const connection = await withFaults(connect, { ...faults, clock })(sink, new AbortController().signal)
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  return {
    heard,
    typed,
    connection,
    say: (text: string) => board.bytes(Buffer.from(text), clock.nowNs()),
    end: (reason: string) => board.ended(reason),
    /** Lets time pass. */
    async pass(ms: number) {
      const untilMs = nowMs + ms
      for (await settle(); ; await settle()) {
        const next = sleepers.sort((one, other) => one.atMs - other.atMs)[0]
        if (!next || next.atMs > untilMs) break
        nowMs = Math.max(nowMs, next.atMs)
        sleepers.shift()
        next.wake()
      }
      nowMs = untilMs
      await settle()
    },
  }
}

const text = Array.from({ length: 20_000 }, (_, index) => String.fromCharCode(97 + (index % 26))).join('')

test('without faults a line hands over at once', async (t) => {
  const line = await open({ seed: 1 })
  line.say('a')
  await line.connection.write(Buffer.from('b'))
  line.end('unplugged')
  await line.pass(0)
  t.deepEqual(
    [line.heard, line.typed],
    [
      [
        [0, 'a'],
        [0, '(unplugged)'],
      ],
      [[0, 'b']],
    ],
  )
})

test('about the part of the bytes is lost that is asked for, and the same ones again for the same seed', async (t) => {
  const lost = async (seed: number, pieceLength: number) => {
    const line = await open({ seed, output: { lost: 0.01 } })
    for (let at = 0; at < text.length; at += pieceLength) line.say(text.slice(at, at + pieceLength))
    return line.heard.map(([, heard]) => heard).join('')
  }
  const heard = await lost(7, 10)
  t.true(heard.length > text.length * 0.985 && heard.length < text.length * 0.995, `${heard.length}`)
  t.is(await lost(7, 10), heard)
  t.not(await lost(8, 10), heard)
})

test('what is delayed is late by so much, and nothing overtakes it', async (t) => {
  const line = await open({ seed: 3, output: { delayed: 0.05, delayMs: 200 } })
  for (let index = 0; index < 400; index++) {
    line.say(`${index} `)
    await line.pass(10)
  }
  await line.pass(1000)
  t.is(
    line.heard.map(([, heard]) => heard).join(''),
    Array.from({ length: 400 }, (_, index) => `${index} `).join(''),
  )
  const lateMs = line.heard.map(([atMs], index) => atMs - index * 10)
  t.true(lateMs.every((late) => late >= 0 && late <= 200))
  const whole = lateMs.filter((late) => late === 200).length
  t.true(whole >= 8 && whole <= 40, `${whole} of 400`)
})

test('what is typed is lost and late too, on its own', async (t) => {
  const line = await open({ seed: 5, input: { lost: 0.5, delayed: 1, delayMs: 200 } })
  line.say('clear')
  const written = line.connection.write(Buffer.from('abcdefghij'))
  await line.pass(199)
  t.deepEqual([line.heard, line.typed], [[[0, 'clear']], []])
  await line.pass(1)
  await written
  t.is(line.typed[0]![0], 200)
  t.true(line.typed[0]![1].length < 10)
})

test('a hang-up comes after what was still on the line', async (t) => {
  const line = await open({ seed: 1, output: { delayed: 1, delayMs: 200 } })
  line.say('last words')
  line.end('gone')
  await line.pass(500)
  t.deepEqual(line.heard, [
    [200, 'last words'],
    [200, '(gone)'],
  ])
})
