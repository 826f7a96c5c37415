/** What the lab does wrong is told as the lab's fault, with exit status 3, and costs nothing that was measured. */
import { mkdirSync, rmSync } from 'node:fs'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { execa } from 'execa'
import { runSummarySchema } from '../journal/summary-schema.ts'
import { isClear, Workspace } from './command-fixture.ts'

/** One cold boot and one kexec. */
const oneKexec = ['--suite', 'stress', '--iterations', '1']

/** Holds a TCP port until disposed. */
async function heldPort(): Promise<AsyncDisposable & { port: number }> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no TCP port')
  return {
    port: address.port,
    [Symbol.asyncDispose]: () => new Promise((done) => server.close(() => done())),
  }
}

const mayMount = process.geteuid?.() === 0 && (await tmpfsWorks())
const testWithTmpfs = mayMount ? test.serial : test.serial.skip

async function tmpfsWorks(): Promise<boolean> {
  await using place = new Workspace()
  return (
    (await tmpfs(place, '64k')
      .catch(() => undefined)
      .then((disk) => disk?.[Symbol.asyncDispose]().then(() => true))) ?? false
  )
}

/** A disk of that size as the results folder. */
async function tmpfs(place: Workspace, size: string): Promise<AsyncDisposable> {
  mkdirSync(place.results)
  await execa('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place.results])
  return {
    [Symbol.asyncDispose]: async () => {
      await execa('umount', [place.results])
    },
  }
}

test.serial(
  'a port in use fails its board and not the other, and --json prints nothing but JSON',
  async (t) => {
    await using held = await heldPort()
    await using place = new Workspace()
    const busy = place.board('busy', { machine: { extraArgs: ['-gdb', `tcp:127.0.0.1:${held.port}`] } })
    const args = ['test', '--board', busy, '--board', place.board('good'), ...oneKexec, '--json']
    const command = place.start(args)
    const { status, stdout, stderr } = await command.ended
    t.is(status, 3)
    isClear(t, stderr, 'Address already in use', 'good: stress kexec_load --no-checks: passed')
    const summary = runSummarySchema.parse(JSON.parse(stdout))
    t.deepEqual(summary, JSON.parse(await readFile(join(command.runFolder()!, 'run.json'), 'utf8')))
    t.is(summary.verdict, 'error')
    const [first, second] = summary.boards
    t.like(first, { name: 'busy', verdict: 'error' })
    t.like(first?.tests[0]?.failure, { kind: 'lab' })
    t.regex(first?.tests[0]?.failure?.hint ?? '', /another program has that port/)
    t.like(second, { name: 'good', verdict: 'passed' })
    t.like(second?.cycles[0], { proven: true, verdict: 'passed' })
    await command.leavesNoProcess()
  },
)

test.serial('a board that never gets ready is told with its last line, and 125 for git bisect', async (t) => {
  await using place = new Workspace()
  const late = place.board('late', {
    stages: [{ type: 'shell', ready: 'never said' }],
    limits: { boot: '4s' },
  })
  const command = place.start(['test', '--board', late, ...oneKexec, '--bisect'])
  const { status, stdout, stderr } = await command.ended
  t.is(status, 125)
  isClear(t, stderr, /late did not boot cold: no "never said" of the shell within \S+ s; last line: "\S/)
  t.regex(stdout, /late did not boot cold/)
  await command.leavesNoProcess()
})

testWithTmpfs(
  'a disk that fills up in the middle of a run stops it and keeps what was written (needs mount)',
  async (t) => {
    await using place = new Workspace()
    await using _disk = await tmpfs(place, '40k')
    const command = place.start(['test', '--board', place.board('b'), ...oneKexec])
    const { status, stdout, stderr } = await command.ended
    t.is(status, 3)
    isClear(t, stderr, /error: the disk is full: cannot write .*run\.json/, /hint: Free some space/)
    t.regex(stdout, /the disk is full/)
    await command.leavesNoProcess()
    const types = command.journal().map(({ type }) => type)
    t.deepEqual(types.slice(0, 4), ['run-started', 'suite-planned', 'test-started', 'board-opened'])
    t.true((await readFile(join(command.runFolder()!, 'console', 'b.raw'))).length > 1000)

    await execa('mount', ['-o', 'remount,size=4m', place.results])
    const report = await place.run(['report', command.runFolder()!])
    isClear(t, report.stderr)
    t.regex(report.stdout, /boots|b /)
    runSummarySchema.parse(JSON.parse(await readFile(join(command.runFolder()!, 'run.json'), 'utf8')))
  },
)

testWithTmpfs('a disk that is full from the start is told (needs mount)', async (t) => {
  await using place = new Workspace()
  await using _disk = await tmpfs(place, '4k')
  await writeFile(join(place.results, 'full'), Buffer.alloc(4096)).catch(() => {})
  const { status, stdout, stderr } = await place.run(['test', '--board', place.board('b')])
  t.is(status, 3)
  t.is(stdout, '')
  isClear(t, stderr, 'the disk is full', place.results, 'hint: Free some space')
})

test.serial('reports are made of a journal with garbage in it, wherever standard output goes', async (t) => {
  await using held = await heldPort()
  await using place = new Workspace()
  const busy = place.board('b', { machine: { extraArgs: ['-gdb', `tcp:127.0.0.1:${held.port}`] } })
  // A run outlives a terminal that takes no more.
  const command = place.start(['test', '--board', busy, ...oneKexec], { redirect: '2>/dev/full' })
  t.is((await command.ended).status, 3)
  const run = command.runFolder()!
  await appendFile(join(run, 'journal.jsonl'), '\u0000\u001b[2Jgarbage\n{"type":"mark"}\n{"type":"run-en')
  for (const name of ['run.json', 'junit.xml', 'report.html']) rmSync(join(run, name))
  const report = await place.run(['report', run])
  t.is(report.status, 3)
  isClear(t, report.stderr, 'could not be read and were passed over: 3')
  runSummarySchema.parse(JSON.parse(await readFile(join(run, 'run.json'), 'utf8')))

  const full = await place.run(['report', run], { redirect: '>/dev/full' })
  t.is(full.status, 3)
  isClear(t, full.stderr, 'cannot write the result to standard output: the disk is full', 'hint: ')

  await writeFile(join(run, 'journal.jsonl'), '')
  const empty = await place.run(['report', run])
  t.is(empty.status, 130)
  isClear(t, empty.stderr)
  runSummarySchema.parse(JSON.parse(await readFile(join(run, 'run.json'), 'utf8')))
})
