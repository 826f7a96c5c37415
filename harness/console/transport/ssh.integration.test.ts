import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import test from 'ava'
import { freePort } from '../../../qemu/rig/daemon.ts'
import { closing, Ear, failureOf, has, Lab, patient, until } from './loopback-fixture.ts'
import { connectSsh, type SshConfig } from './ssh.ts'

const host = '127.0.0.1'

/** An sshd of the test's own: host key, port, configuration and the keys that it takes. */
async function sshServer(lab: Lab): Promise<SshConfig & { stop: () => Promise<void> }> {
  const port = await freePort('tcp')
  for (const name of ['host', 'user', 'stranger'])
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', lab.path(name)])
  writeFileSync(lab.path('authorized'), readFileSync(lab.path('user.pub')))
  writeFileSync(lab.path('known hosts'), `[${host}]:${port} ${readFileSync(lab.path('host.pub'), 'utf8')}`)
  const config = lab.write(
    'sshd_config',
    `ListenAddress ${host}
Port ${port}
HostKey ${lab.path('host')}
AuthorizedKeysFile ${lab.path('authorized')}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
`,
  )
  // Where Debian's own service is not running, nobody has made the folder that sshd wants as root.
  if (process.geteuid?.() === 0) mkdirSync('/run/sshd', { recursive: true })
  const daemon = lab.start('/usr/sbin/sshd', ['-D', '-e', '-f', config])
  let ready = false
  daemon.stderr.on('data', (chunk: Buffer) => {
    ready ||= chunk.toString().includes('Server listening')
  })
  await until(() => ready, 'sshd')
  return {
    type: 'ssh',
    ...{
      host,
      port,
      user: userInfo().username,
      identity: lab.path('user'),
      knownHosts: lab.path('known hosts'),
    },
    command: ['cat'],
    stop: () => lab.stop(daemon),
  }
}

test('a command on another host is a console, and every word of it arrives as it is', async (t) => {
  if (!(await has(t, 'sshd'))) return
  await using lab = new Lab()
  const { stop, ...config } = await sshServer(lab)
  const ear = new Ear()
  const words = ['a b', "it's", '$HOME', '*', '"', '\\', ';ls', '~']
  const command = ['sh', '-c', 'printf "[%s]" "$@"; echo; exec cat', 'console', ...words]
  await using connection = closing(await connectSsh({ ...config, command })(ear, patient()))
  await connection.write(Buffer.from('~.\n~B\n\x00\xff', 'latin1'))
  const expected = `${words.map((word) => `[${word}]`).join('')}\n~.\n~B\n\x00\xff`
  await until(() => ear.text.length >= expected.length, 'the echo')
  t.is(ear.text, expected)
  t.is(ear.end, undefined)
})

test('a refused key, an unknown host, a missing command and no server are told apart', async (t) => {
  if (!(await has(t, 'sshd'))) return
  await using lab = new Lab()
  const { stop, ...config } = await sshServer(lab)
  const errorOf = (change: Partial<SshConfig>) => failureOf(connectSsh({ ...config, ...change }))
  const refused = await errorOf({ identity: lab.path('stranger') })
  t.regex(refused.message, /@127\.0\.0\.1:\d+ does not take the key$/)
  t.regex(refused.hint!, /ssh-copy-id -i .*stranger -p \d+ /)
  const unknown = await errorOf({ knownHosts: lab.write('nobody', '') })
  t.regex(unknown.message, /^the host key of .* is not known$/)
  const missing = await errorOf({ command: ['no-such-console', 'juno'] })
  t.regex(missing.message, /ssh ended \(exit status 127\): .*no-such-console.*not found/)
  await stop()
  const gone = await errorOf({})
  t.regex(gone.message, /ssh ended \(exit status 255\): .*Connection refused/)
})
