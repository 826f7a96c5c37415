/** A night in small: eight boards on the bench rig at once, four of them in trouble, each for a reason of its own. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { takeLock } from '../board/lock.ts'
import { type BoardSummary, runSummarySchema } from '../journal/summary-schema.ts'
import { Workspace } from './command-fixture.ts'

const cycles = 4
/** Names of its own: the lock of a board is one for all who use this host. */
const own = (name: string) => `night-${process.pid}-${name}`
const lastOldLine = 'Bye!'

const boards = {
  usb: {},
  net: { console: 'tcp', power: 'lcus-1' },
  telnet: { console: 'telnet', power: 'ipmi' },
  bmc: { console: 'ipmi-sol', power: 'ipmi' },
  hangs: { limits: { boot: '5m', gap: '1m' }, faults: [{ type: 'hang', after: lastOldLine, count: 3 }] },
  cut: { faults: [{ type: 'cut-console', after: lastOldLine, count: 2, for: '3s' }] },
  silent: { recovery: { powerCycles: 1 }, retries: 0, faults: [{ type: 'silent-relay' }] },
  taken: {},
}

test('each board of a night gets the verdict that is its own, and is off in the end', async (t) => {
  t.timeout(25 * 60_000)
  await using place = new Workspace()
  using _held = await takeLock(own('taken'), 'test --board night, by another run')
  const files = Object.entries(boards).map(([name, parts]) => place.rigBoard(own(name), parts))
  const args = [
    ...['test', ...files.flatMap((file) => ['--board', file])],
    ...['--suite', 'stress', '--iterations', String(cycles), '--json'],
  ]
  const command = place.start(args)
  const { status, stdout, stderr } = await command.ended
  // The board that hung is the product's fault, whatever else was red.
  t.is(status, 1, stderr)
  const summary = runSummarySchema.parse(JSON.parse(stdout))
  const board = (name: keyof typeof boards) => summary.boards.find((one) => one.name === own(name))!

  for (const name of ['usb', 'net', 'telnet', 'bmc'] as const) {
    t.is(board(name).verdict, 'passed', `${name}: ${board(name).failure?.message}`)
    t.is(provenOf(board(name)), cycles, name)
    t.is(board(name).boots.length, 1, `${name} was disturbed`)
  }

  const hung = board('hangs')
  t.is(hung.verdict, 'failed')
  const failed = hung.cycles.filter(({ verdict }) => verdict === 'failed')
  t.deepEqual(
    failed.map(({ cycle }) => cycle),
    [3],
  )
  // The machine stops within the line that brings the hang on, or at its end.
  t.regex(failed[0]!.diagnosis!.kind, /^hang-in-(shutdown|gap)$/)
  t.is(provenOf(hung), cycles - 1)
  t.true(hung.recoveries.some(({ step, ok }) => ok && step.startsWith('power cycle')))

  const cut = board('cut')
  t.is(cut.verdict, 'passed', cut.failure?.message)
  t.deepEqual(
    cut.tests[0]!.attempts.map(({ verdict }) => verdict),
    ['error', 'passed'],
  )
  t.regex(cut.tests[0]!.attempts[0]!.failure!.message, /the console of .+ was lost meanwhile/)
  t.false(cut.cycles.some(({ verdict }) => verdict === 'failed'))

  const silent = board('silent')
  t.is(silent.verdict, 'error')
  t.regex(silent.tests[0]!.failure!.message, /the relay of .+ did not switch off: .*\d attempts/)
  t.is(silent.tests[0]!.failure!.kind, 'lab')

  const taken = board('taken')
  t.is(taken.verdict, 'error')
  t.regex(taken.failure!.message, /is in use by .+ since .+: test --board night, by another run/)

  t.notRegex(stderr, /was left on/)
  await command.leavesNoProcess()
  await checkReports(t, command.runFolder()!)
})

test('Ctrl-C switches off what the run had switched on', async (t) => {
  await using place = new Workspace()
  const board = place.rigBoard(own('interrupted'))
  const command = place.start(['test', '--board', board, '--suite', 'stress'])
  await command.reaches('cycle-started')
  command.interrupt('group')
  const { status, stderr } = await command.ended
  t.is(status, 130, stderr)
  t.notRegex(stderr, /was left on/)
  await command.leavesNoProcess()
})

test('what is only the rack’s fault ends with status 3', async (t) => {
  await using place = new Workspace()
  using _held = await takeLock(own('taken-too'), 'somebody')
  const args = ['test', '--board', place.rigBoard(own('taken-too')), '--suite', 'smoke']
  const { status, stdout } = await place.run(args)
  t.is(status, 3)
  t.regex(stdout, /is in use by .+: somebody/)
})

function provenOf({ cycles: all }: BoardSummary): number {
  return all.filter(({ proven }) => proven).length
}

async function checkReports(t: import('ava').ExecutionContext, folder: string): Promise<void> {
  const junit = await readFile(join(folder, 'junit.xml'), 'utf8')
  t.regex(junit, new RegExp(`name="kexec\\.${own('cut')}\\.stress"[\\s\\S]*?<flakyFailure type="LabError"`))
  t.regex(junit, /<failure type="KexecFailure"/)
  t.regex(junit, /<error type="LabError"/)
  const log = await readFile(join(folder, 'console', `${own('cut')}.log`), 'utf8')
  t.regex(log, /--- console lost: [\s\S]*--- console back after \d/)
}
