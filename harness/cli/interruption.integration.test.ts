/** However a run ends, no process of it is left, its journal is whole, and its reports can be had. */
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { type RunSummary, runSummarySchema } from '../journal/summary-schema.ts'
import { type Command, isClear, kill, Workspace } from './command-fixture.ts'

const avaMain = /ava\/entrypoints\/cli\.js/
const avaWorker = /ava\/lib\/worker\/base\.js/

/** One cold boot and one kexec. */
const oneKexec = ['--suite', 'stress', '--iterations', '1']

async function summaryOf(command: Command): Promise<RunSummary> {
  return runSummarySchema.parse(JSON.parse(await readFile(join(command.runFolder()!, 'run.json'), 'utf8')))
}

function hasReports(t: ExecutionContext, command: Command): void {
  for (const name of ['run.json', 'junit.xml', 'report.html', 'console/b.raw', 'console/b.log'])
    t.true(existsSync(join(command.runFolder()!, name)), name)
}

test.serial('Ctrl-C during the set-up ends it, with nothing made', async (t) => {
  await using place = new Workspace()
  // A QEMU that does not answer keeps the set-up where it is.
  const stuck = place.write('qemu-system-x86_64', '#!/bin/sh\nexec sleep 600\n')
  chmodSync(stuck, 0o755)
  const command = place.start(['test', '--board', place.board('b')], {
    env: { PATH: `${place.folder}:${process.env.PATH}` },
  })
  await command.process(/^sleep 600/)
  command.interrupt('process')
  const { status, stdout, stderr } = await command.ended
  t.is(status, 130)
  t.is(stdout, '')
  isClear(t, stderr, 'interrupted')
  t.false(existsSync(place.results))
  await command.leavesNoProcess()
})

const signals = [
  ['Ctrl-C', 'group', 'SIGINT', 'cycle-started'],
  ['SIGINT', 'process', 'SIGINT', 'boot-started'],
  ['SIGTERM', 'process', 'SIGTERM', 'boot-started'],
  ['a terminal that closes', 'group', 'SIGHUP', 'board-opened'],
] as const

for (const [what, target, signal, event] of signals)
  test.serial(`${what} at ${event} ends a run with exit status 130 and its reports`, async (t) => {
    await using place = new Workspace()
    const command = place.start(['test', '--board', place.board('b'), ...oneKexec])
    await command.reaches(event)
    command.interrupt(target, signal)
    const { status, stderr } = await command.ended
    t.is(status, 130)
    isClear(t, stderr)
    await command.leavesNoProcess()
    t.like(command.journal().at(-1), { type: 'run-ended', verdict: 'interrupted', exitStatus: 130 })
    t.like(await summaryOf(command), { verdict: 'interrupted', exitStatus: 130, complete: true })
    hasReports(t, command)
  })

test.serial('a run that is killed leaves a journal from which its reports are made', async (t) => {
  await using place = new Workspace()
  const command = place.start(['test', '--board', place.board('b'), ...oneKexec])
  await command.reaches('cycle-started')
  kill(command.pid, 'SIGKILL')
  t.is((await command.ended).signal, 'SIGKILL')
  await command.leavesNoProcess()
  const events = command.journal().map(({ type }) => type)
  t.true(events.includes('boot-ended'))
  t.false(events.includes('run-ended'))

  const report = await place.run(['report', join(place.results, 'latest')])
  t.is(report.status, 130)
  isClear(t, report.stderr)
  t.regex(report.stdout, /interrupted/)
  const { verdict, complete, boards } = await summaryOf(command)
  t.deepEqual({ verdict, complete }, { verdict: 'interrupted', complete: false })
  t.like(boards[0], { name: 'b', verdict: 'interrupted', boots: [{ verdict: 'passed' }] })
  t.is(boards[0]?.cycles.length, 1)
  hasReports(t, command)
})

for (const [what, pattern] of [
  ["AVA's main process", avaMain],
  ["AVA's worker", avaWorker],
] as const)
  test.serial(`killing ${what} is the lab's fault, and no QEMU is left`, async (t) => {
    await using place = new Workspace()
    const command = place.start(['test', '--board', place.board('b'), ...oneKexec])
    await command.reaches('boot-started')
    kill(await command.process(pattern), 'SIGKILL')
    const { status, stderr } = await command.ended
    t.is(status, 3)
    isClear(t, stderr)
    await command.leavesNoProcess()
    t.like(command.journal().at(-1), { type: 'run-ended', verdict: 'error', exitStatus: 3 })
    hasReports(t, command)
    // The reports can be made again, and say the same.
    const before = await summaryOf(command)
    rmSync(join(command.runFolder()!, 'run.json'))
    t.is((await place.run(['report', command.runFolder()!])).status, 3)
    t.deepEqual(await summaryOf(command), before)
  })

test.serial('--timeout bounds a run and says so, in the set-up too', async (t) => {
  await using place = new Workspace()
  const never = place.board('b', { stages: [{ type: 'shell', ready: 'never said' }] })
  const command = place.start(['test', '--board', never, ...oneKexec, '--timeout', '5s'])
  const { status, stdout } = await command.ended
  t.is(status, 3)
  t.regex(stdout, /the run did not end within its --timeout of 5 s/)
  await command.leavesNoProcess()
  t.like(await summaryOf(command), { verdict: 'error', complete: true, failure: { kind: 'lab' } })

  const early = await place.run([
    'test',
    '--board',
    never,
    '--timeout',
    '1ms',
    '--results',
    place.path('none'),
  ])
  t.is(early.status, 3)
  isClear(t, early.stderr, 'the run did not end within its --timeout of 0.001 s')
})
