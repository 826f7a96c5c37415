import { existsSync } from 'node:fs'
import test from 'ava'
import { freePort } from '../../../qemu/rig/daemon.ts'
import { connectCommand } from './command.ts'
import { closing, Ear, failureOf, has, Lab, patient, until } from './loopback-fixture.ts'

const open = (command: string[], ear: Ear) => connectCommand({ type: 'command', command })(ear, patient())
const allBytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))

test("a program's input and output are a console, byte for byte", async (t) => {
  const ear = new Ear()
  await using connection = closing(await open(['cat'], ear))
  await connection.write(allBytes)
  await until(() => ear.heard.length >= 256, 'the echo')
  t.deepEqual(ear.heard, allBytes)
  t.is(connection.sendBreak, undefined)
})

test('closing ends the program and what it started, also one that does not listen', async (t) => {
  await using lab = new Lab()
  const ear = new Ear()
  const stubborn = `trap '' TERM; sleep 1000 & echo "$$ $!"; wait; wait`
  const connection = await open(['sh', '-c', stubborn], ear)
  await until(() => ear.text.includes('\n'), 'the process ids')
  await connection.close()
  t.is(ear.end, undefined)
  const pids = ear.text.trim().split(' ')
  await until(() => pids.every((pid) => !existsSync(`/proc/${pid}`)), 'the end of the processes')
  t.pass(lab.folder)
})

test('a program that ends says how, with its last words', async (t) => {
  const ear = new Ear()
  const script = 'echo here; read line; echo "no such console: juno" >&2; exit 3'
  await using connection = closing(await open(['sh', '-c', script], ear))
  await connection.write(Buffer.from('go\n'))
  await until(() => ear.end !== undefined, 'the end')
  t.is(ear.end, 'sh ended (exit status 3): no such console: juno')
  t.is(ear.text, 'here\n')
})

test('a program that fails at once, or is not there, is told with its last words', async (t) => {
  const fails = ['sh', '-c', 'echo connecting; echo "down" >&2; exit 1']
  t.regex(
    (await failureOf(connectCommand({ type: 'command', command: fails }))).message,
    /^sh ended \(exit status 1\): down.*connecting/,
  )
  const missing = await failureOf(connectCommand({ type: 'command', command: ['no-such-program-here'] }))
  t.regex(missing.message, /^no-such-program-here is not on this machine/)
})

test("conserver's console leads to the board and back", async (t) => {
  if (!(await has(t, 'socat', 'conserver', 'console'))) return
  await using lab = new Lab()
  const port = await freePort('tcp')
  const config = lab.write(
    'conserver.cf',
    `config * { }
default full { rw *; }
console juno { include full; master 127.0.0.1; type exec; exec cat; options !ixon,!ixoff; }
access * { trusted 127.0.0.1; allowed 127.0.0.1; }
`,
  )
  const passwords = lab.write('passwd', '*any*:\n')
  const listening = ['-M', '127.0.0.1', '-p', String(port), '-b', String(await freePort('tcp'))]
  lab.start('conserver', [
    ...listening,
    '-C',
    config,
    '-P',
    passwords,
    '-U',
    lab.path('log'),
    '-L',
    lab.path('log'),
  ])
  const ear = new Ear()
  const command = ['console', '-M', '127.0.0.1', '-p', String(port), '-f', 'juno']
  let connection: Awaited<ReturnType<typeof open>> | undefined
  let failure: unknown
  for (let count = 0; connection === undefined && count < 30; count++)
    connection = await open(command, ear).catch((error: unknown) => {
      failure = error
      return undefined
    })
  if (connection === undefined) throw failure
  await using console = closing(connection)
  await console.write(Buffer.from('typed\r'))
  await until(() => ear.text.includes('typed'), 'the echo')
  t.pass()
})
