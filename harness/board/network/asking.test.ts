import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { ensureProgram } from '../../../images/host-packages.ts'
import { systemClock } from '../../clock.ts'
import { LabError } from '../../errors.ts'
import { askNetwork } from './asking.ts'
import { startPing } from './ping-program.ts'
import { TcpConnects } from './tcp-connects.ts'

const limit = () => AbortSignal.timeout(60_000)

// Neither limits nor what asks keeps a process alive, and a closed server has no socket that does: AVA would call that the end.
const alive = setInterval(() => {}, 1_000)
test.after.always(() => clearInterval(alive))

async function havePing(t: ExecutionContext): Promise<boolean> {
  const found = await ensureProgram({ program: 'ping', packages: ['iputils-ping'] }).catch((error) => error)
  if (found.source === 'installed' || found.source === 'apt') return true
  t.log(`not run: ${found.message ?? 'ping is not installed'}`)
  t.pass()
  return false
}

async function listen(port: number): Promise<Server> {
  const server = createServer((socket) => socket.on('error', () => {}).resume())
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

test('the host’s own ping asks the host itself', async (t) => {
  if (!(await havePing(t))) return
  await using ping = await startPing('127.0.0.1', limit())
  await ping.log.answers(3, limit())
  const answered = ping.log.probes.filter(({ answeredNs }) => answeredNs !== null)
  t.true(answered.length >= 3)
  t.true(answered.every(({ sentNs, answeredNs }) => sentNs <= answeredNs!))
})

test('what nobody has answers is asked all the same', async (t) => {
  if (!(await havePing(t))) return
  // TEST-NET-1 (RFC 5737): no network has it.
  await using ping = await startPing('192.0.2.77', limit()).catch((error: LabError) => ({
    ...{ log: undefined, error },
    async [Symbol.asyncDispose]() {},
  }))
  // A host without a default route refuses to ask at all, and says so.
  if (!ping.log) return t.regex((ping as { error: LabError }).error.message, /ping 192\.0\.2\.77 ended/)
  while (ping.log.probes.length < 3) await systemClock.sleep(50, limit())
  t.true(ping.log.probes.every(({ answeredNs }) => answeredNs === null))
})

test('a port that is open answers, and so does one that is closed', async (t) => {
  const server = await listen(0)
  const { port } = server.address() as { port: number }
  using connects = new TcpConnects('127.0.0.1', port)
  const accepted = once(server, 'connection')
  await connects.log.answers(3, limit())
  await accepted
  server.close()
  await once(server, 'close')
  await connects.log.answers(3, limit())
  t.is(connects.log.duplicates, 0)
  const again = await listen(port)
  const reopened = once(again, 'connection')
  await reopened
  await connects.log.answers(3, limit())
  again.close()
  t.true(connects.log.probes.filter(({ answeredNs }) => answeredNs !== null).length >= 9)
})

test('both at once, by the host’s name; a name that nobody has is the lab’s fault', async (t) => {
  if (!(await havePing(t))) return
  await using asking = await askNetwork({ host: 'localhost', tcpPort: 1 }, limit())
  await Promise.all([asking.icmp.answers(2, limit()), asking.tcp.answers(2, limit())])
  const error = await t.throwsAsync(askNetwork({ host: 'board.invalid', tcpPort: 22 }, limit()), {
    instanceOf: LabError,
  })
  t.regex(error.message, /^board\.invalid has no address: /)
})
