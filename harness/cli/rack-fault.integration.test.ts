/**
 * What a rack does wrong, as a run tells it: the lab's fault, exit status 3, with what to do. The boards are programs that
 * speak on their standard output: simulated.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { takeLock } from '../board/lock.ts'
import { runSummarySchema } from '../journal/summary-schema.ts'
import { type Ended, isClear, Workspace } from './command-fixture.ts'

type Board = { speaks: string; [key: string]: unknown }

/** The descriptor of a real board whose console is a shell script; `$1` is there while its power is on. */
function simulatedBoard(place: Workspace, name: string, { speaks, ...keys }: Board): string {
  const power = place.path(`${name}-is-on`)
  const descriptor = {
    name: nameOf(name),
    arch: 'arm64',
    console: { type: 'command', command: ['sh', '-c', speaks, 'board', power] },
    power: { type: 'command', on: ['touch', power], off: ['rm', '-f', power], offDwell: '100ms', retries: 0 },
    recovery: { powerCycles: 1 },
    retries: 0,
    limits: { boot: '4s' },
    ...keys,
  }
  return place.write(`${nameOf(name)}.yaml`, JSON.stringify(descriptor))
}

/** Locks and consoles have one name for all who use this host. */
const nameOf = (name: string) => `rack-${process.pid}-${name}`
const smoke = ['--suite', 'smoke', '--iterations', '1']

async function run(
  place: Workspace,
  boards: string[],
  env: Record<string, string> = {},
): Promise<Ended & { folder: string | undefined }> {
  const args = ['test', ...boards.flatMap((board) => ['--board', board]), ...smoke]
  const command = place.start(args, { env: { KEXEC_HARNESS_STATE: place.path('state'), ...env } })
  const ended = await command.ended
  await command.leavesNoProcess()
  return { ...ended, folder: command.runFolder() }
}

function isLabFault(t: ExecutionContext, { status, stdout }: Ended, ...words: RegExp[]): void {
  t.is(status, 3, stdout)
  for (const word of words) t.regex(stdout, word)
  t.notRegex(stdout, /bug of the harness|^\s+at .*:\d+/m)
}

test('a relay that says yes and does nothing is caught by the console', async (t) => {
  await using place = new Workspace()
  // It answers each line end, whatever the relay says.
  const board = simulatedBoard(place, 'stuck', { speaks: 'exec cat' })
  isLabFault(
    t,
    await run(place, [board]),
    /goes on talking after its power was switched off \(2 times\)/,
    /look at the outlet that the descriptor names/,
  )
})

test('a board that says nothing after its power-on is told apart from one that does not boot', async (t) => {
  await using place = new Workspace()
  const silent = simulatedBoard(place, 'silent', { speaks: 'exec sleep 1000' })
  isLabFault(t, await run(place, [silent]), /said nothing within 4 s of its power-on/)
})

test('a prompt that never comes is named with its stage and the last line', async (t) => {
  await using place = new Workspace()
  const speaks = 'while :; do [ -e "$1" ] && echo U-Boot 2099.01; sleep 0.2; done'
  const stages = [
    { type: 'u-boot', name: 'the loader', prompt: 'juno# ', commands: ['boot'] },
    { type: 'shell' },
  ]
  const board = simulatedBoard(place, 'stays', { speaks, stages })
  const said = /juno# .* of the loader within .*; last line: "U-Boot 2099\.01"/
  isLabFault(t, await run(place, [board]), said)
})

test('a wrong baud rate is recognised from what arrives', async (t) => {
  await using place = new Workspace()
  const noise = place.write('noise', randomBytes(4_096))
  const speaks = `while ! [ -e "$1" ]; do sleep 0.2; done; cat ${noise}; exec sleep 1000`
  const board = simulatedBoard(place, 'noisy', { speaks })
  isLabFault(t, await run(place, [board]), /is garbled: .*% of the last/, /baud rate/)
})

test('ports, secrets and servers that are not there are named, and cost no other board', async (t) => {
  await using place = new Workspace()
  const gone = simulatedBoard(place, 'gone', {
    speaks: 'true',
    console: { type: 'serial', path: '/dev/ttyUSB-that-is-not-there' },
  })
  const secret = simulatedBoard(place, 'secret', {
    speaks: 'cat',
    stages: [{ type: 'login', password: { env: 'NO_SUCH_PASSWORD' } }, { type: 'shell' }],
  })
  const refused = simulatedBoard(place, 'refused', {
    speaks: 'true',
    console: { type: 'tcp', host: '127.0.0.1', port: 1 },
  })
  const ended = await run(place, [gone, secret, refused])
  isLabFault(
    t,
    ended,
    /ttyUSB-that-is-not-there/,
    /the environment variable NO_SUCH_PASSWORD is not set/,
    /127\.0\.0\.1:1/,
  )
  const summary = runSummarySchema.parse(JSON.parse(readFileSync(join(ended.folder!, 'run.json'), 'utf8')))
  t.deepEqual(
    summary.boards.map(({ failure }) => failure?.kind),
    ['lab', 'lab', 'lab'],
  )
})

test('a board that no power cycle brings back is in quarantine until a person releases it', async (t) => {
  await using place = new Workspace()
  const board = simulatedBoard(place, 'dead', { speaks: 'exec sleep 1000' })
  isLabFault(t, await run(place, [board]), /said nothing/)
  const again = await run(place, [board])
  isLabFault(
    t,
    again,
    /is in quarantine since .*: the lab did not come back: .*said nothing/,
    /npm run board -- release/,
  )
  const env = { KEXEC_HARNESS_STATE: place.path('state') }
  const released = await place.run(['board', 'release', board], { env })
  t.is(released.status, 0, released.stderr)
  isLabFault(t, await run(place, [board]), /said nothing/)
})

test('a board that somebody else has is not touched', async (t) => {
  await using place = new Workspace()
  using _held = await takeLock(nameOf('held'), 'somebody else')
  const board = simulatedBoard(place, 'held', { speaks: `touch ${place.path('opened')}; exec cat` })
  isLabFault(t, await run(place, [board]), /is in use by .*: somebody else/)
  t.false(existsSync(place.path('opened')) || existsSync(place.path('held-is-on')))
})

test('what a person asks for that a real board can not do is refused before anything is switched', async (t) => {
  await using place = new Workspace()
  const board = simulatedBoard(place, 'asked', {
    speaks: 'cat',
  })
  const { status, stderr } = await place.run([
    'test',
    '--board',
    board,
    '--kernel',
    place.write('Image', 'x'),
  ])
  t.is(status, 2)
  isClear(t, stderr, '--kernel', 'put them there')
  t.false(existsSync(place.path('asked-is-on')))
})
