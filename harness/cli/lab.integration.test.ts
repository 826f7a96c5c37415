/** The commands for a lab's boards, on serial lines that are PTYs and switches that are files. */
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { execa } from 'execa'
import { ensureProgram } from '../../images/host-packages.ts'
import { loadDescriptor } from '../board/descriptor.ts'
import { takeLock } from '../board/lock.ts'
import { LabError } from '../errors.ts'
import { isClear, Workspace } from './command-fixture.ts'
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

/** `npm run console`, which runs until it is stopped; on a terminal of its own where that is asked for. */
const viewer = (file: string, flags: string[] = [], onTerminal = false) =>
  interactive(['console', file, ...flags], onTerminal)

/** A command that somebody looks at and types to. */
function interactive(words: string[], onTerminal: boolean) {
  const args = [join(root, 'harness', 'bootstrap.mjs'), ...words]
  // script(1) gives its terminal no size where it has none itself.
  const command = `stty rows 40 cols 100; exec ${[process.execPath, ...args].map((arg) => `'${arg}'`).join(' ')}`
  const child = onTerminal
    ? execa('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
        reject: false,
        env: { TERM: 'xterm', CI: '' },
      })
    : execa(process.execPath, args, { reject: false, stdin: 'ignore' })
  let text = ''
  let wake = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      wake.resolve()
      wake = Promise.withResolvers()
    })
  const ended = child.then(({ exitCode }) => exitCode)
  return {
    ended,
    type: (keys: string) => void child.stdin?.write(keys),
    stop: () => void child.kill('SIGINT'),
    says: async (pattern: RegExp) => {
      while (!pattern.test(text)) {
        const over = await Promise.race([wake.promise.then(() => false), ended.then(() => true)])
        if (over && !pattern.test(text)) throw new Error(`ended without ${pattern}: ${text}`)
      }
    },
  }
}

const answers = [
  ...['arch=arm64', 'console=serial', 'console.path=/dev/ttyUSB0', 'power=pdudaemon'],
  ...['power.url=http://rack1:16421', 'power.hostname=pdu', 'power.port=3', 'firmware=u-boot'],
  ...['firmware.prompt=juno# ', 'firmware.commands=setenv x 1; boot', 'login=yes', 'login.password=PASSWORD'],
]
const settings = (list: string[]) => list.flatMap((answer) => ['--set', answer])

test.serial('board new writes a descriptor that is right, and never over another', async (t) => {
  await using place = new Workspace()
  const args = ['board', 'new', 'mine', '--into', place.folder, ...settings(answers)]
  const { status, stdout, stderr } = await place.run(args)
  t.is(status, 0, stderr)
  t.regex(stdout, /mine\.yaml is written/)
  const file = place.path('mine.yaml')
  const descriptor = await loadDescriptor('mine', place.folder)
  t.like(descriptor, { name: 'mine', arch: 'arm64', image: { kernel: '/boot/vmlinuz' } })
  t.like(descriptor.console, { type: 'serial', path: '/dev/ttyUSB0', baud: 115_200 })
  t.like(descriptor.stages[0], { type: 'u-boot', prompt: 'juno# ', commands: ['setenv x 1', 'boot'] })
  t.like(descriptor.stages[1], { type: 'login', password: { env: 'PASSWORD' } })
  t.like(descriptor.stages[2], { type: 'shell' })
  const text = readFileSync(file, 'utf8')
  t.regex(text, /# offDwell: 5s # /)

  const again = await place.run(args)
  t.is(again.status, 2)
  isClear(t, again.stderr, 'is there already')
  t.is(readFileSync(file, 'utf8'), text)
})

test.serial('board new asks at a terminal, and Ctrl-C leaves nothing behind', async (t) => {
  await using place = new Workspace()
  const start = () =>
    interactive(['board', 'new', '--into', place.folder, '--set', 'console.path=/dev/ttyUSB0'], true)
  const given = start()
  await given.says(/The board's name/)
  given.type('\x03')
  t.is(await given.ended, 130)

  const asked = start()
  for (const [question, keys] of [
    [/The board's name/, 'desk\r'],
    [/Its architecture/, '\r'],
    [/Its console/, '\r'],
    [/Speed of the line/, '9600\r'],
    [/What switches its power/, '\r'],
    [/Of its HTTP listener/, 'not a url\r'],
    [/is no http or https URL|wants an http/, '\x15http://rack1:16421\r'],
    [/The PDU, as pdudaemon/, 'pdu\r'],
    [/The PDU's outlet/, '3\r'],
    [/has to be told by the firmware/, '\r'],
    [/Is there a login prompt/, '\r'],
    [/The kernel to kexec/, '\r'],
    [/Its initramfs/, '\r'],
  ] as const) {
    await asked.says(question)
    asked.type(keys)
  }
  t.is(await asked.ended, 0)
  const descriptor = await loadDescriptor('desk', place.folder)
  t.like(descriptor.console, { type: 'serial', path: '/dev/ttyUSB0', baud: 9600 })
  t.like(descriptor.power, { type: 'pdudaemon', url: 'http://rack1:16421', hostname: 'pdu', port: 3 })
  t.like(descriptor, { image: { kernel: '/boot/vmlinuz' }, stages: [{ type: 'shell' }] })
})

test.serial('board new without a terminal names what it has no answer for', async (t) => {
  await using place = new Workspace()
  const run = async (list: string[]) => {
    const { status, stderr } = await place.run([
      'board',
      'new',
      'm',
      '--into',
      place.folder,
      ...settings(list),
    ])
    t.is(status, 2, stderr)
    t.false(existsSync(place.path('m.yaml')))
    return stderr
  }
  isClear(t, await run([]), 'no answer: arch, console, power', '--set console=serial|')
  isClear(t, await run(['arch=arm64', 'console=serial', 'power=usbrelay']), '--set console.path=…')
  isClear(t, await run([...answers, 'console.baud=fast']), 'console.baud "fast"', 'number')
  isClear(t, await run([...answers, 'console.buad=9600']), 'did you mean "console.baud"?')
  isClear(t, await run(['console=serail']), 'did you mean "serial"?')
  isClear(t, await run(['console']), '--set wants KEY=VALUE')
})

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
