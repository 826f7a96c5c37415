import { setImmediate as turn } from 'node:timers/promises'
import test from 'ava'
import type { Clock } from '../clock.ts'
import { LabError } from '../errors.ts'
import { openLink } from './link.ts'
import type { Connect, ConnectionSink } from './transport.ts'

/** A simulated transport that the test cuts, and a clock whose time passes only by sleeping. */
function simulatedLab() {
  const events: string[] = []
  const written: string[] = []
  const sinks: ConnectionSink[] = []
  const lab = { ms: 0, refuse: undefined as string | undefined, opened: 0, closed: 0 }
  const clock: Clock = {
    nowNs: () => BigInt(Math.round(lab.ms * 1e6)),
    sleep: async (ms, signal) => {
      await turn()
      signal?.throwIfAborted()
      lab.ms += ms
    },
  }
  const connect: Connect = async (sink) => {
    lab.opened++
    if (lab.refuse) throw new LabError(lab.refuse, { hint: 'plug it in' })
    sinks.push(sink)
    const number = sinks.length
    return {
      write: async (bytes) => void written.push(`${number}: ${bytes.toString()}`),
      close: async () => void lab.closed++,
    }
  }
  const options = {
    connect,
    clock,
    what: 'console of juno',
    giveUpMs: 5000,
    events: {
      bytes: (chunk: Buffer) => events.push(chunk.toString()),
      lost: (reason: string) => events.push(`lost: ${reason}`),
      back: () => events.push('back'),
      gone: (error: LabError) => events.push(`gone: ${error.message}`),
    },
  }
  const settle = async (what: string) => {
    for (let count = 0; count < 10_000 && !events.some((event) => event.startsWith(what)); count++)
      await turn()
  }
  return { lab, events, written, sinks, options, settle, signal: new AbortController().signal }
}

test('the first connection has to succeed', async (t) => {
  const { lab, options, signal } = simulatedLab()
  lab.refuse = 'no such port'
  await t.throwsAsync(openLink(options, signal), { instanceOf: LabError, message: 'no such port' })
  t.is(lab.opened, 1)
})

test('a lost connection comes back, and only bytes of the newest one count', async (t) => {
  const { lab, events, written, sinks, options, settle, signal } = simulatedLab()
  await using link = await openLink(options, signal)
  sinks[0]!.bytes(Buffer.from('one'), 1n)
  sinks[0]!.ended('unplugged')
  sinks[0]!.ended('unplugged')
  sinks[0]!.bytes(Buffer.from('late'), 2n)
  await t.throwsAsync(link.write(Buffer.from('x')), {
    instanceOf: LabError,
    message: 'console of juno is lost (unplugged): no input gets through',
  })
  await settle('back')
  sinks[0]!.bytes(Buffer.from('later'), 3n)
  sinks[1]!.bytes(Buffer.from('two'), 4n)
  await link.write(Buffer.from('y'))
  t.deepEqual(events, ['one', 'lost: unplugged', 'back', 'two'])
  t.deepEqual(written, ['2: y'])
  t.is(lab.closed, 1)
})

test('bytes that come before the connection is handed over are not lost, and the way back is told before them', async (t) => {
  const { events, options, settle, signal } = simulatedLab()
  let opened = 0
  const sinks: ConnectionSink[] = []
  const connect: Connect = async (sink) => {
    sinks.push(sink)
    sink.bytes(Buffer.from(`early ${++opened}`), 1n)
    await turn()
    return { write: async () => {}, close: async () => {} }
  }
  await using _link = await openLink({ ...options, connect }, signal)
  sinks[0]!.ended('cut')
  await settle('early 2')
  t.deepEqual(events, ['early 1', 'lost: cut', 'back', 'early 2'])
})

test('what does not come back in time is gone, with the last reason and its hint', async (t) => {
  const { lab, events, sinks, options, settle, signal } = simulatedLab()
  await using link = await openLink(options, signal)
  lab.ms = 10_000
  lab.refuse = 'no such port'
  sinks[0]!.ended('unplugged')
  await settle('gone')
  const message =
    'console of juno was lost (unplugged) and did not come back within 5 s; the last attempt: no such port'
  t.deepEqual(events, ['lost: unplugged', `gone: ${message}`])
  t.is(lab.ms, 15_000)
  const error = await t.throwsAsync(link.write(Buffer.from('x')), { instanceOf: LabError, message })
  t.is(error.hint, 'plug it in')
  await t.throwsAsync(link.reopen(), { message })
})

test('a connection that breaks as soon as it is there does not count as back: it is given up all the same', async (t) => {
  const { lab, events, sinks, options, settle, signal } = simulatedLab()
  await using _link = await openLink(options, signal)
  sinks[0]!.bytes(Buffer.from('x'), 1n)
  sinks[0]!.ended('hung up')
  for (let count = 1; count < 200 && !events.at(-1)!.startsWith('gone'); count++) {
    for (let wait = 0; wait < 100 && sinks.length === count && !events.at(-1)!.startsWith('gone'); wait++)
      await turn()
    await turn()
    sinks[count]?.ended('hung up again')
  }
  await settle('gone')
  t.regex(events.at(-1)!, /^gone: console of juno was lost .* within 5 s/)
  t.is(lab.ms, 5000)
})

test('a hung connection is closed and opened again on demand', async (t) => {
  const { lab, events, written, options, signal } = simulatedLab()
  await using link = await openLink(options, signal)
  await link.reopen()
  t.deepEqual(events, ['lost: it was opened again, as it seemed hung', 'back'])
  t.is(lab.closed, 1)
  await link.write(Buffer.from('y'))
  t.deepEqual(written, ['2: y'])
})

test('a write that is under way when the connection is lost rejects, and its rest never follows', async (t) => {
  const { written, sinks, options, settle, signal } = simulatedLab()
  await using link = await openLink({ ...options, pace: { bytes: 1, intervalMs: 100 } }, signal)
  const write = link.write(Buffer.from('abcdef'))
  while (written.length < 2) await turn()
  sinks[0]!.ended('unplugged')
  await t.throwsAsync(write, { instanceOf: LabError, message: /is lost/ })
  await settle('back')
  await link.write(Buffer.from('z'))
  t.is(written.at(-1), '2: z')
  t.true(written.length < 6)
})

test('BREAK goes only where the transport has a way to; a closed link takes nothing', async (t) => {
  const { events, options, signal } = simulatedLab()
  await using link = await openLink(options, signal)
  t.false(await link.sendBreak())
  let breaks = 0
  const connect: Connect = async () => ({
    write: async () => {},
    sendBreak: async () => void breaks++,
    lateness: { ms: 16, why: 'latency timer' },
    close: async () => {},
  })
  const other = await openLink({ ...options, connect }, signal)
  t.true(await other.sendBreak())
  t.is(breaks, 1)
  t.is(other.lateness?.ms, 16)
  await other[Symbol.asyncDispose]()
  await t.throwsAsync(other.write(Buffer.from('x')), { message: 'console of juno is closed' })
  t.deepEqual(events, [])
})
