/** The commands for a lab's boards, on serial lines that are PTYs and switches that are files. */
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { execa } from 'execa'
import { ensureProgram } from '../../images/host-packages.ts'
import { takeLock } from '../board/lock.ts'
import { LabError } from '../errors.ts'
import { isClear, Workspace } from './command-fixture.ts'
import { interactive } from './lab/interactive-fixture.ts'
import { serialLine } from './lab/socat-fixture.ts'
import { root } from './paths.ts'

let boards = 0

/** The descriptor of a board that nothing else uses: its lock and its console's socket go by its name. */
function describe(place: Workspace, keys: Record<string, unknown> = {}): { file: string; name: string } {
  const name = `lab-test-${process.pid}-${++boards}`
  const descriptor = {
    name,
    arch: 'arm64',
    console: { type: 'serial', path: place.path('tty') },
    power: fileSwitch(place),
    image: { kernel: '/boot/vmlinuz' },
    ...keys,
  }
  return { file: place.write(`${name}.yaml`, JSON.stringify(descriptor)), name }
}

/** A switch whose state is a file. */
function fileSwitch(place: Workspace): Record<string, unknown> {
  const state = place.path('state')
  const set = (value: string) => ['cp', place.write(value, value), state]
  return { type: 'command', on: set('on'), off: set('off'), state: ['cat', state], offDwell: '100ms' }
}

/** A port where nobody listens: it was free a moment ago. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

async function socatOrReason(): Promise<string | undefined> {
  try {
    await ensureProgram({ program: 'socat', packages: ['socat'] })
  } catch (error) {
    if (error instanceof LabError) return `not run: ${error.message}`
    throw error
  }
  return undefined
}

const withSerial = (title: string, run: (t: import('ava').ExecutionContext) => Promise<void>) =>
  test.serial(title, async (t) => {
    const reason = await socatOrReason()
    if (reason === undefined) return await run(t)
    t.log(reason)
    t.pass()
  })

test.serial('power switches on, off and around, and says what the switch says', async (t) => {
  await using place = new Workspace()
  const { file, name } = describe(place)
  for (const [action, state] of [
    ['on', 'on'],
    ['off', 'off'],
    ['cycle', 'on'],
  ] as const) {
    const { status, stdout } = await place.run(['power', file, action])
    t.is(status, 0)
    t.is(stdout, `${name}: is ${state}, says its switch`)
    t.is(readFileSync(place.path('state'), 'utf8'), state)
  }
  const asked = await place.run(['power', file, 'state'])
  t.is(asked.status, 0)
  t.is(asked.stdout, 'on')
})

test.serial('power refuses what it can not do, each with its own exit status', async (t) => {
  await using place = new Workspace()
  const { file, name } = describe(place)
  const wrong = await place.run(['power', file, 'onn'])
  t.is(wrong.status, 2)
  isClear(t, wrong.stderr, 'did you mean "on"?', 'hint: ')
  const qemu = await place.run(['power', 'qemu-x86_64', 'on'])
  t.is(qemu.status, 2)
  isClear(t, qemu.stderr, 'there is no power to switch', 'hint: ')
  {
    using _lock = await takeLock(name, 'somebody else')
    const held = await place.run(['power', file, 'off'])
    t.is(held.status, 3)
    isClear(t, held.stderr, `${name} is in use by`, 'somebody else', 'hint: ')
    t.false(existsSync(place.path('state')))
  }
  const url = `http://127.0.0.1:${await closedPort()}`
  const power = { type: 'pdudaemon', url, hostname: 'pdu', port: 1, retries: 1, retryDelay: '100ms' }
  const dead = await place.run(['power', describe(place, { power }).file, 'on'])
  t.is(dead.status, 3)
  isClear(t, dead.stderr, 'did not switch on', url, 'refused the connection', '2 attempts', 'hint: ')
})

withSerial('doctor names what is wrong with each part, and switches nothing', async (t) => {
  await using place = new Workspace()
  const { file } = describe(place, {
    power: { type: 'tasmota', url: `http://127.0.0.1:${await closedPort()}`, retries: 0 },
    stages: [{ type: 'login', password: { env: 'LAB_TEST_NO_SUCH_SECRET' } }, { type: 'shell' }],
  })
  const { status, stdout, stderr } = await place.run(['doctor', '--board', file])
  t.is(status, 3, stderr)
  t.regex(stdout, /^ok +descriptor/m)
  t.regex(stdout, /^broken +secret login\.password +.*LAB_TEST_NO_SUCH_SECRET is not set/m)
  t.regex(stdout, /^broken +console +there is no serial port/m)
  t.regex(stdout, /^broken +power +.*refused the connection/m)
  t.regex(stdout, /3 to mend/)
})

withSerial('doctor hears a board, or its silence, and finds nothing broken', async (t) => {
  await using place = new Workspace()
  await using board = await serialLine(place.path('tty'))
  await place.run(['power', describe(place).file, 'off'])
  const silent = await place.run(['doctor', '--board', describe(place).file])
  t.is(silent.status, 0, silent.stdout)
  t.regex(silent.stdout, /^ok +console +serial .*at 115200 baud opens/m)
  t.regex(silent.stdout, /^unclear +console output +silence/m)
  t.regex(silent.stdout, /^ok +power +command answers: off/m)
  const command = place.start(['doctor', '--board', describe(place).file])
  const timer = setInterval(() => board.say('U-Boot\x1b[2J 2023.01\r\n'), 300)
  const { stdout } = await command.ended
  clearInterval(timer)
  t.regex(stdout, /^ok +console output +\d+ bytes .*last line: U-Boot\\x1b\[2J 2023\.01$/m)
})

withSerial('doctor says which group may open a port', async (t) => {
  if (process.getuid?.() !== 0) {
    t.log('not run: only root can try what another user may')
    return void t.pass()
  }
  await using place = new Workspace()
  await using _board = await serialLine(place.path('tty'))
  chmodSync(place.folder, 0o755)
  const [, , gid] = readFileSync('/etc/group', 'utf8')
    .match(/^dialout:.*$/m)![0]
    .split(':')
  chownSync(place.path('tty'), 0, Number(gid))
  chmodSync(place.path('tty'), 0o660)
  const { file } = describe(place)
  const env = { KEXEC_HARNESS_CACHE: '/nonexistent', XDG_STATE_HOME: '/nonexistent', HOME: '/nonexistent' }
  const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--']
  const bootstrap = join(root, 'harness', 'bootstrap.mjs')
  const { stdout, exitCode } = await execa(
    'setpriv',
    [...nobody, process.execPath, bootstrap, 'doctor', '--board', file],
    { env, reject: false, stdin: 'ignore' },
  )
  t.is(exitCode, 3, stdout)
  t.regex(stdout, /^broken +console .* it belongs to the group dialout$/m)
  t.regex(stdout, /usermod -aG/)
})

withSerial('console shows a board as visible text, to two viewers at once', async (t) => {
  await using place = new Workspace()
  await using board = await serialLine(place.path('tty'))
  const { file } = describe(place)
  const first = viewer(file)
  await first.says(/--- connected ---/)
  const second = viewer(file)
  await second.says(/connected, through the process/)
  board.say('login\x1b[31m: °\r\n')
  for (const { says } of [first, second]) await says(/login\\x1b\[31m: °\n/)
  first.stop()
  t.is(await first.ended, 0)
  // The second has the console to itself now.
  await second.says(/--- connected ---/)
  board.say('still here\r\n')
  await second.says(/still here/)
  second.stop()
  t.is(await second.ended, 0)
})

withSerial('console --write on a terminal sends keys, and Ctrl-] quits', async (t) => {
  await using place = new Workspace()
  await using board = await serialLine(place.path('tty'))
  const { file, name } = describe(place)
  const terminal = viewer(file, ['--write'], true)
  await terminal.says(/Ctrl-\] quits/)
  await terminal.says(/connected/)
  const refused = await place.run(['console', file, '--write'])
  t.is(refused.status, 3)
  isClear(t, refused.stderr, `${name} is in use by`, 'hint: ')
  terminal.type('ls\x03\r')
  await board.hears('ls\x03\r')
  board.say('\x1b[1mbold')
  await terminal.says(/\x1b\[1mbold/)
  terminal.type('\x1db')
  await terminal.says(/BREAK/)
  terminal.type('\x1dq')
  t.is(await terminal.ended, 0)
})

/** `npm run console`, which runs until it is stopped. */
const viewer = (file: string, flags: string[] = [], onTerminal = false) =>
  interactive(['console', file, ...flags], onTerminal)

test.serial('board list has every board, and release wants one that is in quarantine', async (t) => {
  await using place = new Workspace()
  const { status, stdout } = await place.run(['board', 'list'])
  t.is(status, 0)
  t.regex(stdout, /^juno +arm64 +serial +pdudaemon +/m)
  t.regex(stdout, /^qemu-x86_64 +x86_64 +qemu +qemu /m)
  const { status: refused, stderr } = await place.run(['board', 'release', 'juno'], {
    env: { XDG_STATE_HOME: place.folder },
  })
  t.is(refused, 2)
  isClear(t, stderr, 'juno is not in quarantine')
})
