import { readFile } from 'node:fs/promises'
import test from 'ava'
import type { Failure, JournalEvent } from './events.ts'
import { parseEvent } from './journal.ts'
import { buildSummary } from './summary.ts'
import { JournalBuilder } from './summary-fixture.ts'
import {
  allRuns,
  crashedRunner,
  deadBoard,
  hostileRun,
  killedRun,
  passedRun,
  stressRun,
} from './summary-runs-fixture.ts'
import { runJsonSchema, runSummarySchema } from './summary-schema.ts'

for (const [name, run] of Object.entries(allRuns)) {
  test(`${name}: the fixture is what a journal holds, and the summary has run.json's shape`, (t) => {
    const events = run()
    for (const event of events)
      t.deepEqual(parseEvent(JSON.stringify(event)), JSON.parse(JSON.stringify(event)))
    const summary = buildSummary(events)
    t.deepEqual(
      runSummarySchema.parse(JSON.parse(JSON.stringify(summary))),
      JSON.parse(JSON.stringify(summary)),
    )
  })

  test(`${name}: wherever it is cut, the rest makes a summary that does not claim to have passed`, (t) => {
    const events = run()
    t.not(buildSummary([]).verdict, 'passed')
    for (let length = 1; length < events.length; length++) {
      const summary = runSummarySchema.parse(buildSummary(events.slice(0, length)))
      t.not(summary.verdict, 'passed', `after ${length} events`)
      t.not(summary.exitStatus, 0, `after ${length} events`)
    }
  })

  test(`${name}: each single event may be lost or come twice`, (t) => {
    const events = run()
    const whole = buildSummary(events)
    for (const [index, event] of events.entries()) {
      runSummarySchema.parse(buildSummary(events.toSpliced(index, 1)))
      const doubled = buildSummary(events.toSpliced(index, 0, event))
      if (event.type === 'run-started' || event.type === 'cycle-started' || event.type === 'cycle-ended')
        t.is(doubled.totals.cycles, whole.totals.cycles)
      if (event.type !== 'test-started') t.is(doubled.verdict, whole.verdict, `${event.type} twice`)
    }
    t.pass()
  })
}

test('a run that passed: verdicts, wall clock, totals', (t) => {
  const summary = buildSummary(passedRun())
  t.is(summary.verdict, 'passed')
  t.is(summary.exitStatus, 0)
  t.true(summary.complete)
  t.is(summary.startedAt, '2026-11-21T02:14:09.000Z')
  t.like(summary.totals, { tests: 3, passed: 3, failed: 0, cycles: 14, proven: 14 })
  t.deepEqual(
    summary.boards.map(({ name, arch, verdict }) => [name, arch, verdict]),
    [
      ['qemu-aarch64', 'arm64', 'passed'],
      ['qemu-x86_64', 'x86_64', 'passed'],
    ],
  )
  const boot = summary.boards[0]!.boots[0]!
  t.like(boot, { attempt: 1, verdict: 'passed', durationMs: 2600, startedAt: '2026-11-21T02:14:09.002Z' })
})

test('statistics group by way of loading and leave the warm-up out', (t) => {
  const { statistics, checksRatio } = buildSummary(passedRun()).boards[0]!
  const gaps = statistics.filter(({ phase }) => phase === 'gapMs')
  t.deepEqual(
    gaps.map(({ suite, loader, syscall, checks, n, median, max }) => [
      suite,
      loader,
      syscall,
      checks,
      n,
      median,
      max,
    ]),
    [
      ['timing', 'kexec-tools', 'kexec_load', true, 6, 10_400.5, 10_410],
      ['timing', 'kexec-tools', 'kexec_load', false, 6, 124, 126],
    ],
  )
  t.deepEqual(gaps[0]?.ci95, [10_390, 10_410])
  t.is(Math.round(checksRatio!.ratio), 84)
})

test('failed and unproven cycles are in no statistic', (t) => {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'timing', 'x', (test) => {
    journal
      .cycle(test, { verdict: 'failed' })
      .cycle(test, { proven: false })
      .cycle(test, { verdict: 'interrupted' })
  })
  const [board] = buildSummary(journal.end()).boards
  t.is(board?.cycles.length, 3)
  t.deepEqual(board?.statistics, [])
})

test('a killed run keeps what it had and is interrupted', (t) => {
  const summary = buildSummary(killedRun())
  t.is(summary.verdict, 'interrupted')
  t.is(summary.exitStatus, 130)
  t.false(summary.complete)
  const [board] = summary.boards
  t.deepEqual(
    board?.tests.map(({ test, verdict }) => [test, verdict]),
    [
      ['checked loads', 'passed'],
      ['unchecked loads', 'interrupted'],
      ['never started', 'interrupted'],
    ],
  )
  t.like(board?.cycles.at(-1), {
    verdict: 'interrupted',
    phases: { loadMs: 800, shutdownMs: 60, gapMs: 120 },
  })
  t.is(board?.cycles.at(-1)?.phases.startupMs, undefined)
})

test('a failed cycle makes its test failed also where the kill came before the test ended', (t) => {
  const journal = new JournalBuilder().start(['juno']).open('juno').plan('juno', 'stress', ['chain'])
  journal.test(
    'juno',
    'stress',
    'chain',
    (test) => {
      journal
        .cycle(test, { verdict: 'failed', failure: { kind: 'kexec', message: 'panic' } })
        .cycle(test, { ends: false })
    },
    null,
  )
  const summary = buildSummary(journal.events)
  t.is(summary.verdict, 'failed')
  t.is(summary.exitStatus, 1)
  t.is(summary.boards[0]?.tests[0]?.failure?.message, 'panic')
})

test('tests that a crashed runner left out are errors with its standard error', (t) => {
  const summary = buildSummary(crashedRunner())
  t.is(summary.exitStatus, 3)
  const [started, planned] = summary.boards[0]!.tests
  t.like(started, {
    verdict: 'error',
    failure: { kind: 'lab', stack: 'Uncaught exception\nTypeError: x is not a function' },
  })
  t.is(
    planned?.failure?.message,
    'timing: unchecked loads did not run on juno: the test runner ended with exit code 1',
  )
  t.deepEqual(planned?.attempts, [])
})

test('a board that did not boot is an error beside one that passed', (t) => {
  const summary = buildSummary(deadBoard())
  t.is(summary.verdict, 'error')
  t.is(summary.exitStatus, 3)
  t.is(summary.boards[0]?.failure?.message, 'juno did not boot within 180 s')
  t.is(summary.boards[1]?.verdict, 'passed')
})

test('a runner that crashed after its tests passed is seen', (t) => {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'smoke', 'x')
  const summary = buildSummary(journal.runner('juno', null, 'Killed').end('passed'))
  t.is(summary.verdict, 'error')
  t.is(
    summary.boards[0]?.failure?.message,
    'the test runner of juno ended with a signal, though no test failed',
  )
})

test('the product at fault beats the lab at fault, which beats passed', (t) => {
  const run = (...kinds: (Failure['kind'] | null)[]) => {
    const journal = new JournalBuilder().start(['juno']).open('juno')
    for (const [index, kind] of kinds.entries())
      journal.test(
        'juno',
        'smoke',
        `test ${index}`,
        undefined,
        kind ? { verdict: 'failed', failure: { kind, message: 'x' } } : {},
      )
    return buildSummary(journal.end('failed'))
  }
  t.is(run(null, 'lab', 'kexec').exitStatus, 1)
  t.is(run('assertion', null).exitStatus, 1)
  t.is(run(null, 'lab').exitStatus, 3)
  t.is(run('internal').exitStatus, 3)
  t.is(run('usage', null).exitStatus, 2)
  t.is(run('usage', 'lab').exitStatus, 3)
  t.is(run(null).exitStatus, 0)
})

test('a run that was interrupted says so, with a failed test too', (t) => {
  const run = (verdict: 'passed' | 'failed') => {
    const journal = new JournalBuilder().start(['juno']).open('juno').plan('juno', 'smoke', ['a', 'b'])
    journal.test('juno', 'smoke', 'a', undefined, { verdict })
    return buildSummary(journal.end('interrupted', { exitStatus: 130 }))
  }
  t.like(run('passed'), { verdict: 'interrupted', exitStatus: 130, complete: true })
  t.like(run('failed'), { verdict: 'interrupted', exitStatus: 130 })
})

test('a wrong command has its own exit status', (t) => {
  const events = new JournalBuilder()
    .start([])
    .end('error', { failure: { kind: 'usage', message: 'no board "jnuo"' } })
  t.is(buildSummary(events).exitStatus, 2)
})

test('every attempt of a test is kept and the last one counts', (t) => {
  const tests = buildSummary(hostileRun()).boards[0]!.tests
  const good = tests.find(({ test }) => test === 'comes good')
  t.deepEqual(
    good?.attempts.map(({ verdict }) => verdict),
    ['error', 'passed'],
  )
  t.is(good?.verdict, 'passed')
})

test('stress: failure rate with its interval, drift of memory, none of the gap', (t) => {
  const { stress } = buildSummary(stressRun()).boards[0]!
  t.like(stress, { cycles: 40, failures: 4, failureRate: 0.1 })
  t.true(stress!.ci95[0] > 0.03 && stress!.ci95[1] < 0.25)
  t.like(stress!.memAvailableDriftKiB, { perCycle: -512, significant: true })
  t.false(stress!.gapDriftMs?.significant)
})

test('a journal without its first line still has everything but the wall clock', (t) => {
  const events = passedRun().slice(1)
  const summary = buildSummary(events, { run: '2026-11-21T02-14-09Z-folder' })
  t.is(summary.run, '2026-11-21T02-14-09Z-folder')
  t.is(summary.startedAt, null)
  t.is(summary.verdict, 'passed')
  t.is(summary.totals.cycles, 14)
})

test('a cycle whose start was lost belongs to the test that runs', (t) => {
  const events = passedRun()
  const lost = events.findIndex(({ type }) => type === 'cycle-started')
  const cycle = buildSummary(events.toSpliced(lost, 1)).boards[0]?.cycles[0]
  t.like(cycle, { cycle: 1, test: 'checked loads', loader: 'unknown', syscall: null, proven: true })
})

test('an hour of cycles is summed up', (t) => {
  const events: JournalEvent[] = stressRun(5000)
  t.is(buildSummary(events).totals.cycles, 5000)
})

test('run.schema.json is what the schema says; `npm run schema` writes it anew', async (t) => {
  const shipped = await readFile(new URL('run.schema.json', import.meta.url), 'utf8')
  t.deepEqual(JSON.parse(shipped), JSON.parse(JSON.stringify(runJsonSchema())))
})
