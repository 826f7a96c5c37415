import { openSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import { freePort } from '../../../qemu/rig/daemon.ts'
import { LabError } from '../../errors.ts'
import { type Cable, closing, Ear, failureOf, has, Lab, patient, until } from './loopback-fixture.ts'
import { connectTcp } from './tcp.ts'
import { connectTelnet, telnetSchema } from './telnet.ts'

const host = '127.0.0.1'
const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

/** The real ser2net in front of a serial cable. */
async function ser2net(
  lab: Lab,
  protocol: 'tcp' | 'telnet' | 'telnet(rfc2217)',
): Promise<{ port: number; cable: Cable; stop: () => Promise<void> }> {
  const cable = await lab.cable()
  // ser2net closes the port with each connection; a PTY would be gone then.
  openSync(cable.path, 'r+')
  const port = await freePort('tcp')
  const accepter = protocol === 'tcp' ? `tcp,${host},${port}` : `${protocol},tcp,${host},${port}`
  const config = lab.write(
    'ser2net.yaml',
    `connection: &juno\n  accepter: ${accepter}\n  connector: serialdev,${cable.path},115200n81,local\n`,
  )
  const daemon = lab.start('ser2net', ['-n', '-d', '-u', '-c', config, '-P', lab.path('pid')])
  await reachable(port)
  return { port, cable, stop: () => lab.stop(daemon) }
}

/** Nobody else may be connected while it is tried, so a refused connection is all that is looked at. */
async function reachable(port: number): Promise<void> {
  let error: unknown = 'not tried'
  for (let count = 0; error !== undefined && count < 600; count++) {
    error = undefined
    const connection = await connectTcp({ type: 'tcp', host, port })(new Ear(), patient()).catch(
      (caught: unknown) => {
        error = caught
      },
    )
    await connection?.close()
    if (error) await new Promise((resolve) => setTimeout(resolve, 100))
  }
  if (error) throw error
}

async function bothWays(
  t: ExecutionContext,
  cable: Cable,
  ear: Ear,
  write: (bytes: Buffer) => Promise<void>,
) {
  cable.say(allBytes)
  await until(() => ear.heard.length >= 256, 'what the board said')
  t.deepEqual(ear.heard, allBytes)
  await write(allBytes)
  await until(() => cable.heard.length >= 256, 'what was typed')
  t.deepEqual(cable.heard, allBytes)
}

test('every byte goes through ser2net by raw TCP', async (t) => {
  if (!(await has(t, 'socat', 'ser2net'))) return
  await using lab = new Lab()
  const { port, cable, stop } = await ser2net(lab, 'tcp')
  const ear = new Ear()
  await using connection = closing(await connectTcp({ type: 'tcp', host, port })(ear, patient()))
  t.is(connection.sendBreak, undefined)
  await bothWays(t, cable, ear, (bytes) => connection.write(bytes))
  await stop()
  await until(() => ear.end !== undefined, 'the end of the connection')
  t.regex(ear.end!, /^the other end hung up$|^connection broken/)
  await t.throwsAsync(connection.write(Buffer.from('x')), { instanceOf: LabError })
})

for (const protocol of ['telnet', 'telnet(rfc2217)'] as const) {
  test(`every byte goes through ser2net by ${protocol}, also 255 and carriage returns`, async (t) => {
    if (!(await has(t, 'socat', 'ser2net'))) return
    await using lab = new Lab()
    const { port, cable } = await ser2net(lab, protocol)
    const ear = new Ear()
    const config = telnetSchema.parse({ type: 'telnet', host, port, baud: 115_200 })
    await using connection = closing(await connectTelnet(config)(ear, patient()))
    await bothWays(t, cable, ear, (bytes) => connection.write(bytes))
    await connection.sendBreak!()
    await connection.write(Buffer.from('after the break'))
    await until(
      () => cable.heard.toString('latin1').endsWith('after the break'),
      'what was typed after the BREAK',
    )
  })
}

test('a console that somebody else has is told with what ser2net says', async (t) => {
  if (!(await has(t, 'socat', 'ser2net'))) return
  await using lab = new Lab()
  const { port } = await ser2net(lab, 'tcp')
  await using _first = closing(await connectTcp({ type: 'tcp', host, port })(new Ear(), patient()))
  t.regex((await failureOf(connectTcp({ type: 'tcp', host, port }))).message, /hung up.*Port already in use/)
})

test('where nothing listens, the error says so', async (t) => {
  const port = await freePort('tcp')
  const error = await t.throwsAsync(connectTcp({ type: 'tcp', host, port })(new Ear(), patient()), {
    instanceOf: LabError,
  })
  t.is(error.message, `no connection to 127.0.0.1:${port}: connection refused`)
  t.regex(error.hint!, /Nothing listens there/)
})
