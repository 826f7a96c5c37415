/** The record command: a board on a serial line that is a PTY, and folders of runs. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { execa } from 'execa'
import { ensureProgram } from '../../images/host-packages.ts'
import { type Cast, readCast } from '../console/cast/cast.ts'
import { LabError } from '../errors.ts'
import { isClear, Workspace } from './command-fixture.ts'
import { interactive } from './lab/interactive-fixture.ts'
import { serialLine } from './lab/socat-fixture.ts'

/** True where the program is there or could be had; else the test says why it is not run, and passes. */
async function has(t: ExecutionContext, program: string): Promise<boolean> {
  try {
    await ensureProgram({ program, packages: [program] })
    return true
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    t.log(`not run: ${error.message}`)
    t.pass()
    return false
  }
}

function textOf(cast: Cast, type: 'input' | 'output'): string {
  return Buffer.concat(cast.events.flatMap((event) => (event.type === type ? [event.bytes] : []))).toString()
}

function describe(place: Workspace): string {
  const name = `record-test-${process.pid}`
  const set = (value: string) => ['cp', place.write(value, value), place.path('state')]
  return place.write(
    `${name}.yaml`,
    JSON.stringify({
      name,
      arch: 'arm64',
      console: { type: 'serial', path: place.path('tty') },
      power: { type: 'command', on: set('on'), off: set('off'), offDwell: '100ms' },
      image: { kernel: '/boot/vmlinuz' },
    }),
  )
}

test.serial('a board is recorded while a person uses it, after its power was cycled', async (t) => {
  if (!(await has(t, 'socat'))) return
  await using place = new Workspace()
  await using board = await serialLine(place.path('tty'))
  const file = place.path('board.cast')
  const words = ['record', describe(place), '-o', file, '--write', '--power-cycle']
  const terminal = interactive(words, true)
  await terminal.says(/switching record-test-\d+ off and on again/)
  while (!existsSync(place.path('state'))) await sleep(20)
  while (readFileSync(place.path('state'), 'utf8') !== 'on') await sleep(20)
  board.say('login: ')
  await terminal.says(/login: /)
  terminal.type('root\r')
  await board.hears('root\r')
  board.say('root\r\n\x1b[7m\xff漢\x1b[0m# ')
  await terminal.says(/# /)
  terminal.type('\x1dq')
  t.is(await terminal.ended, 0)
  await terminal.says(/recorded to .*board\.cast/)
  const cast = await readCast(file)
  t.is(textOf(cast, 'output'), 'login: root\r\n\x1b[7m\xff漢\x1b[0m# ')
  t.is(textOf(cast, 'input'), 'root\r')
  t.deepEqual([cast.columns, cast.rows], [80, 25])
  t.true(cast.events.some((event) => event.type === 'marker' && event.text.includes('off and on again')))
  const again = await place.run(['record', describe(place), '-o', file])
  t.is(again.status, 2)
  isClear(t, again.stderr, 'board.cast is there already', 'hint: ')
})

test.serial('a recording ends after the time that was asked for', async (t) => {
  if (!(await has(t, 'socat'))) return
  await using place = new Workspace()
  await using _board = await serialLine(place.path('tty'))
  const { status, stderr } = await place.run(['record', describe(place), '--for', '200ms'])
  t.is(status, 0, stderr)
  const [, file] = /recorded to (.*)$/m.exec(stderr)!
  t.deepEqual(
    (await readCast(place.path(file!))).events.filter(({ type }) => type === 'output'),
    [],
  )
})

test.serial('asciinema plays a run’s console as the board said it', async (t) => {
  if (!((await has(t, 'asciinema')) && (await has(t, 'script')))) return
  await using place = new Workspace()
  mkdirSync(place.path('run', 'console'), { recursive: true })
  place.write('run/console/b.raw', Buffer.from('one\r\n\x1b[1mt\xffwo\r\nthree', 'latin1'))
  place.write(
    'run/console/b.log',
    '[    0.500000] one\n[    0.600000] --- console lost: x ---\n[    1.250000] t\ufffdwo\n[    2.000000] three\n',
  )
  const file = place.path('b.cast')
  t.is((await place.run(['record', 'run', '-o', file])).status, 0)
  // It wants a terminal, if only to be interrupted from.
  for (const command of [`asciinema cat '${file}'`, `asciinema play -s 1000 '${file}'`]) {
    const { stdout } = await execa('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      encoding: 'latin1',
      stdin: 'ignore',
      timeout: 60_000,
    })
    t.true(
      stdout.includes('one\r\n') && stdout.includes('\x1b[1mt\xffwo\r\n') && stdout.includes('three'),
      stdout,
    )
  }
})

test.serial('a run’s recording is chosen by its board, and cut', async (t) => {
  await using place = new Workspace()
  mkdirSync(place.path('run', 'console'), { recursive: true })
  const line = (...event: unknown[]) => `${JSON.stringify(event)}\n`
  const head = '{"version":2,"width":80,"height":25}\n'
  const body = line(1, 'o', 'a') + line(2, 'i', 'b') + line(3, 'o', 'c')
  place.write('run/console/b.cast', head + body)
  place.write('run/console/c.raw', 'x')
  const several = await place.run(['record', 'run'])
  t.is(several.status, 2)
  isClear(t, several.stderr, 'has several consoles', '--board: b, c')
  const unknown = await place.run(['record', 'run', '--board', 'd'])
  isClear(t, unknown.stderr, 'has no console of "d"', 'b, c')
  const noTimes = await place.run(['record', 'run', '--board', 'c'])
  t.is(noTimes.status, 2)
  isClear(t, noTimes.stderr, 'c.log', 'has no lines with their times')
  const { status, stdout } = await place.run(['record', 'run', '--board', 'b', '--from', '1.5', '-o', '-'])
  t.is(status, 0)
  t.deepEqual(stdout.trim().split('\n').slice(1), ['[0,"i","b"]', '[1,"o","c"]'])
  const named = await place.run(['record', 'run', '--board', 'b'])
  t.is(named.stdout, 'run-b.cast')
})

test.serial('what is no run, no board or no flag of either is told', async (t) => {
  await using place = new Workspace()
  mkdirSync(place.path('empty'))
  const wrong: [string[], ...string[]][] = [
    [['record', 'empty'], "is no run's folder", 'results/latest'],
    [['record', 'qemu-x86'], 'unknown board "qemu-x86"', 'did you mean'],
    [['record', 'empty', '--power-cycle'], "--power-cycle is for a board, not for a run's folder"],
    [['record', 'juno', '--from', '3'], "--from is for a run's folder, not for a board"],
    [['record', 'empty', '--from', 'now'], '--from wants seconds', '"now"'],
    [['record', 'juno', '--kernel', 'x'], '--kernel is for a QEMU board with --power-cycle'],
    [['record', 'juno', '--for', 'ever'], '--for wants a duration'],
  ]
  for (const [args, ...parts] of wrong) {
    const { status, stderr } = await place.run(args)
    t.is(status, 2, stderr)
    isClear(t, stderr, ...parts)
  }
})
