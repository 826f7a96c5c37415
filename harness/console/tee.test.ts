import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { LabError } from '../errors.ts'
import { attach, connectUnix } from './attached.ts'
import { Tee, type TeeInput } from './tee.ts'
import { encodeFrame, FrameReader } from './tee-frames.ts'

async function socketFor(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tee-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  return path.join(folder, 'juno.sock')
}

type Heard = { text: string; stamps: bigint[]; events: string[] }

async function viewer(t: ExecutionContext, socketPath: string) {
  const heard: Heard = { text: '', stamps: [], events: [] }
  let wake = Promise.withResolvers<void>()
  const told = (event: string) => {
    heard.events.push(event)
    wake.resolve()
    wake = Promise.withResolvers<void>()
  }
  const attached = await attach('juno', socketPath, {
    bytes: (chunk, atNs) => {
      heard.text += chunk.toString()
      heard.stamps.push(atNs)
      told('bytes')
    },
    lost: (reason) => told(`lost: ${reason}`),
    back: () => told('back'),
    gone: (error) => told(`gone: ${error.message}`),
  })
  t.teardown(() => attached[Symbol.asyncDispose]())
  const until = async (done: () => boolean) => {
    while (!done()) await wake.promise
  }
  return { attached, heard, until }
}

const input = (over: Partial<TeeInput> = {}): TeeInput => ({
  write: async () => {},
  sendBreak: async () => false,
  reopen: async () => {},
  ...over,
})

test('every viewer sees each byte with the time at which the reader had it', async (t) => {
  const socketPath = await socketFor(t)
  await using tee = await Tee.offer('juno', input(), socketPath)
  const one = await viewer(t, socketPath)
  const two = await viewer(t, socketPath)
  tee.bytes(Buffer.from('U-Boot '), 12n)
  tee.lost('unplugged', 13n)
  tee.back(14n)
  tee.bytes(Buffer.from('2023.01'), 15n)
  for (const { heard, until } of [one, two]) {
    await until(() => heard.text.endsWith('2023.01'))
    t.is(heard.text, 'U-Boot 2023.01')
    t.deepEqual(heard.stamps, [12n, 15n])
    t.deepEqual(heard.events, ['bytes', 'lost: unplugged', 'back', 'bytes'])
  }
})

test('input reaches the console in order, and what is refused says why', async (t) => {
  const socketPath = await socketFor(t)
  const written: string[] = []
  const write = async (bytes: Buffer) => {
    if (bytes.toString() === 'bad') throw new LabError('it is lost', { hint: 'wait' })
    written.push(bytes.toString())
  }
  await using _tee = await Tee.offer('juno', input({ write, sendBreak: async () => true }), socketPath)
  const { attached } = await viewer(t, socketPath)
  const all = [attached.write(Buffer.from('a')), attached.write(Buffer.from('bad')), attached.sendBreak()]
  const [first, second, third] = await Promise.allSettled(all)
  t.is(first!.status, 'fulfilled')
  t.like(second, { status: 'rejected' })
  t.like((second as PromiseRejectedResult).reason, { message: 'it is lost', hint: 'wait' })
  t.deepEqual(third, { status: 'fulfilled', value: true })
  t.deepEqual(written, ['a'])
})

test('a console is offered once, and the socket of a dead process is taken over', async (t) => {
  const socketPath = await socketFor(t)
  const tee = await Tee.offer('juno', input(), socketPath)
  await t.throwsAsync(Tee.offer('juno', input(), socketPath), { message: /read by another process/ })
  const { heard, until } = await viewer(t, socketPath)
  await tee[Symbol.asyncDispose]()
  await until(() => heard.events.length > 0)
  t.deepEqual(heard.events, ['gone: the process that read the console of juno ended'])
  await t.throwsAsync(attach('juno', socketPath, {} as never), { message: /nobody reads the console/ })
  await using _again = await Tee.offer('juno', input(), socketPath)
})

test('a viewer gives its console to whoever asks, another reader does not', async (t) => {
  const socketPath = await socketFor(t)
  const viewing = await Tee.offer(
    'juno',
    input({ yield: () => void viewing[Symbol.asyncDispose]() }),
    socketPath,
  )
  await using _run = await Tee.offer('juno', input(), socketPath)
  await t.throwsAsync(Tee.offer('juno', input(), socketPath), { message: /read by another process/ })
})

test('a stranger at the socket is shown the door', async (t) => {
  const socketPath = await socketFor(t)
  await using _tee = await Tee.offer('juno', input(), socketPath)
  const socket = await connectUnix(socketPath)
  socket.resume()
  socket.write('GET / HTTP/1.1\r\n\r\n')
  await once(socket, 'close')
  t.pass()
})

test('frames may come in any pieces', (t) => {
  const reader = new FrameReader()
  const stream = Buffer.concat([encodeFrame('bytes', 'abc', 7n), encodeFrame('back', '', 8n)])
  const frames = [...stream].flatMap((byte) => reader.push(Buffer.of(byte)))
  t.deepEqual(
    frames.map(({ type, atNs, payload }) => [type, atNs, payload.toString()]),
    [
      ['bytes', 7n, 'abc'],
      ['back', 8n, ''],
    ],
  )
})
