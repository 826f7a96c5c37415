import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { z } from 'zod'
import { LabError } from '../harness/errors.ts'
import { QmpClient, QmpCommandError, type QmpEvent } from './qmp.ts'

const folder = await mkdtemp(join(tmpdir(), 'qmp-test-'))
test.after.always(() => rm(folder, { recursive: true, force: true }))
let sockets = 0

type Request = { execute: string; arguments?: unknown; id: number }

const greeting =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}}\r\n'

/** A client connected to a server that answers each request with what `answer` writes. */
async function connect(answer: (request: Request, server: Socket) => void, maxReplyBytes?: number) {
  const path = join(folder, `${sockets++}.sock`)
  const listener = createServer().listen(path)
  await once(listener, 'listening')
  const socket = createConnection(path)
  const [server] = (await once(listener, 'connection')) as [Socket]
  listener.close()
  let text = ''
  server.on('error', () => {})
  server.on('data', (chunk) => {
    const lines = (text + chunk.toString()).split('\n')
    text = lines.pop()!
    for (const line of lines) answer(JSON.parse(line) as Request, server)
  })
  return { qmp: new QmpClient(socket, maxReplyBytes), server }
}

const echo = ({ execute, id }: Request, server: Socket) => {
  server.write(`{"return": {"command": "${execute}"}, "id": ${id}}\r\n`)
}

test('the greeting is awaited, then capabilities are negotiated', async (t) => {
  const commands: string[] = []
  const { qmp, server } = await connect((request, to) => {
    commands.push(request.execute)
    echo(request, to)
  })
  const negotiated = qmp.negotiate()
  server.write(greeting)
  await negotiated
  t.deepEqual(commands, ['qmp_capabilities'])
  qmp.close()
})

test('answers find their commands, whatever their order', async (t) => {
  const requests: Request[] = []
  const { qmp } = await connect((request, server) => {
    requests.push(request)
    if (requests.length === 3) for (const each of requests.reverse()) echo(each, server)
  })
  const answers = await Promise.all(['a', 'b', 'c'].map((command) => qmp.execute(command)))
  t.deepEqual(answers, [{ command: 'a' }, { command: 'b' }, { command: 'c' }])
  qmp.close()
})

test('a reply that arrives in pieces, also through a character, is read', async (t) => {
  const { qmp } = await connect(({ id }, server) => {
    const reply = Buffer.from(`{"return": "Grüße", "id": ${id}}\r\n`)
    server.setNoDelay(true)
    let at = 0
    const next = () => {
      server.write(reply.subarray(at, ++at))
      if (at < reply.length) setImmediate(next)
    }
    next()
  })
  t.is(await qmp.execute('x'), 'Grüße')
  qmp.close()
})

test('garbage between replies is skipped', async (t) => {
  const { qmp } = await connect((request, server) => {
    server.write('\0\xff{"return"\n[1,2]\nnull\n{"return": {}, "id": 4711}\n{"error": "x"}\n\n')
    echo(request, server)
  })
  t.deepEqual(await qmp.execute('x'), { command: 'x' })
  qmp.close()
})

test('a large reply is read, one over the limit fails its command and nothing else', async (t) => {
  const size: Record<string, number> = { large: 900_000, huge: 1_200_000, small: 10 }
  const { qmp } = await connect(({ execute, id }, server) => {
    server.write(`{"return": "${'x'.repeat(size[execute]!)}", "id": ${id}}\r\n`)
  }, 1_000_000)
  t.is((await qmp.execute<string>('large')).length, 900_000)
  await t.throwsAsync(qmp.execute('huge'), { instanceOf: LabError, message: /"huge" is too long/ })
  t.is((await qmp.execute<string>('small')).length, 10)
  qmp.close()
})

test('an event over the limit does not fail a command', async (t) => {
  const { qmp } = await connect((request, server) => {
    server.write(`{"timestamp": {"seconds": 1}, "event": "X", "data": {"x": "${'x'.repeat(2000)}"}}\r\n`)
    echo(request, server)
  }, 1000)
  t.deepEqual(await qmp.execute('x'), { command: 'x' })
  qmp.close()
})

test("QEMU's refusal is an error with its words and class", async (t) => {
  const { qmp } = await connect(({ id }, server) => {
    server.write(
      `{"error": {"class": "CommandNotFound", "desc": "The command x has not been found"}, "id": ${id}}\n`,
    )
  })
  const error = await t.throwsAsync<QmpCommandError>(qmp.execute('x'), { instanceOf: QmpCommandError })
  t.is(error.errorClass, 'CommandNotFound')
  t.regex(error.message, /"x": The command x has not been found/)
  qmp.close()
})

test('an answer of another shape than expected is a LabError', async (t) => {
  const { qmp } = await connect(echo)
  await t.throwsAsync(qmp.execute('x', undefined, { schema: z.string() }), {
    instanceOf: LabError,
    message: /answer to "x" is not what was expected/,
  })
  qmp.close()
})

test('events reach every listener until it stops listening', async (t) => {
  const { qmp } = await connect((request, server) => {
    server.write('{"timestamp": {}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-reset"}}\n')
    server.write('{"timestamp": {}, "event": "STOP"}\n')
    echo(request, server)
  })
  const seen: Array<Pick<QmpEvent, 'name' | 'data'>> = []
  const stop = qmp.onEvent(({ name, data }) => seen.push({ name, data }))
  await qmp.execute('x')
  stop()
  await qmp.execute('x')
  t.deepEqual(seen, [
    { name: 'SHUTDOWN', data: { guest: true, reason: 'guest-reset' } },
    { name: 'STOP', data: {} },
  ])
  qmp.close()
})

test('a command that is not answered fails after its limit, and a late answer harms nothing', async (t) => {
  const silent: Request[] = []
  const { qmp, server } = await connect((request, to) => {
    if (request.execute === 'silent') silent.push(request)
    else echo(request, to)
  })
  await t.throwsAsync(qmp.execute('silent', undefined, { timeoutMs: 1 }), {
    instanceOf: LabError,
    message: /an answer to "silent" within 0.001 s/,
  })
  await qmp.execute('sync')
  echo(silent[0]!, server)
  t.deepEqual(await qmp.execute('x'), { command: 'x' })
  qmp.close()
})

test('an abort ends the wait', async (t) => {
  const controller = new AbortController()
  const { qmp } = await connect(() => controller.abort())
  await t.throwsAsync(qmp.execute('x', undefined, { signal: controller.signal }), { name: 'AbortError' })
  await t.throwsAsync(qmp.execute('x', undefined, { signal: controller.signal }), { name: 'AbortError' })
  qmp.close()
})

test('commands that wait are rejected when the connection ends, and so is every later one', async (t) => {
  const { qmp } = await connect((_request, server) => server.destroy())
  await t.throwsAsync(qmp.execute('x'), { instanceOf: LabError, message: /QEMU closed its QMP connection/ })
  await t.throwsAsync(qmp.execute('y'), { instanceOf: LabError, message: /QEMU closed its QMP connection/ })
  await t.throwsAsync(qmp.negotiate(), { instanceOf: LabError })
})
