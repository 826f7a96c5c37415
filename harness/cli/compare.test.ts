/** `compare` and `baseline` as a person runs them, over the journals of runs; and what a run is compared with when it ends. */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { JournalEvent } from '../journal/events.ts'
import { buildSummary } from '../journal/summary.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'
import { seededRandom } from '../stats/random.ts'
import { isClear, Workspace } from './command-fixture.ts'
import { baselineEvents } from './gate.ts'

type Times = {
  shutdownMs?: number
  gapMs?: number
  checks?: boolean
  n?: number
  boards?: string[]
  /** How many times as long everything takes. */
  stretch?: number
}

/** A run's journal; the times of its cycles vary by a few per cent. */
function events(run: string, startedAt: string, times: Times = {}): JournalEvent[] {
  const { shutdownMs = 60, gapMs = 1200, checks = true, n = 12, boards = ['juno'], stretch = 1 } = times
  const random = seededRandom(run.length + startedAt.length + shutdownMs)
  const journal = new JournalBuilder().start(boards)
  Object.assign(journal.events[0]!, { run, startedAt })
  for (const board of boards) {
    journal.open(board).plan(board, 'timing', ['times'])
    journal.test(board, 'timing', 'times', (about) => {
      for (let index = 0; index < n; index++) {
        const vary = (ms: number) => ms * stretch * (1 + 0.02 * random())
        const phases = { loadMs: vary(800), shutdownMs: vary(shutdownMs), gapMs: vary(gapMs) }
        journal.cycle(about, { checks, phases: { ...phases, startupMs: vary(900), userspaceMs: vary(300) } })
      }
    })
    journal.runner(board)
  }
  return journal.end('passed')
}

/** Puts runs into the results folder of a workspace, one a night; `latest` is the last one. */
function nights(place: Workspace, runs: Times[]): string[] {
  const names = runs.map((times, index) => {
    const day = `2026-11-${String(index + 1).padStart(2, '0')}`
    const name = `${day}T02-00-00Z-juno`
    mkdirSync(join(place.results, name), { recursive: true })
    const lines = events(name, `${day}T02:00:00.000Z`, times).map((event) => `${JSON.stringify(event)}\n`)
    writeFileSync(join(place.results, name, 'journal.jsonl'), lines.join(''))
    return name
  })
  symlinkSync(names.at(-1)!, join(place.results, 'latest'))
  return names
}

const command = (place: Workspace, ...args: string[]) => place.run([...args, '--results', place.results])

test('two runs of the same thing are compared and nothing is slower', async (t) => {
  await using place = new Workspace()
  const [first, second] = nights(place, [{}, {}]) as [string, string]
  const { status, stdout, stderr } = await command(place, 'compare', first, second)
  t.is(status, 0, stderr)
  t.regex(stdout, /no change: 5 phases compared, 0 slower, 0 faster/)
  t.regex(stdout, /│ juno {2}│ timing │ kexec_load │ gap/)
})

test('where everything took longer, the host may have been busier: that is said, and only what stands out counts', async (t) => {
  await using place = new Workspace()
  const slower = { stretch: 1.3, gapMs: 2400 }
  const [normal, busier, both] = nights(place, [{}, { stretch: 1.3 }, slower]) as [string, string, string]
  const quiet = await command(place, 'compare', normal, busier)
  t.is(quiet.status, 0, quiet.stdout)
  t.regex(quiet.stderr, /note: juno: everything took about (29|30|31) % longer than before/)
  const loud = await command(place, 'compare', normal, both)
  t.is(loud.status, 1, loud.stdout)
  t.regex(loud.stdout, /5 phases compared, 1 slower, 0 faster/)
  await command(place, 'baseline', 'accept', normal)
  const told = await baselineEvents(
    events('now', '2026-11-20T02:00:00.000Z', { stretch: 1.3 }),
    place.results,
  )
  t.true(told.some((event) => event.type === 'note' && /everything took about/.test(event.text)))
})

test('what got slower is named with from, to, since when and which phase', async (t) => {
  await using place = new Workspace()
  const names = nights(place, [{}, {}, { shutdownMs: 360 }, { shutdownMs: 361 }])
  const accepted = await command(place, 'baseline', 'accept', names[0]!)
  t.is(accepted.status, 0, accepted.stderr)
  const { status, stdout, stderr } = await command(place, 'compare', 'baseline')
  t.is(status, 1, stderr)
  t.regex(
    stdout,
    new RegExp(
      `slower shutdown on juno, timing, kexec_load: 36\\d ms instead of 6\\d ms .*, since ${names[2]}`,
    ),
  )
  const json = await command(place, 'compare', 'baseline', 'latest', '--json')
  const { verdict, rows } = JSON.parse(json.stdout) as {
    verdict: string
    rows: { phase: string; verdict: string; since: string | null }[]
  }
  t.is(verdict, 'slower')
  t.deepEqual(
    rows.filter((row) => row.verdict === 'slower').map(({ phase, since }) => [phase, since]),
    [['shutdownMs', names[2]]],
  )
})

test('a threshold of one’s own lets a change pass', async (t) => {
  await using place = new Workspace()
  const [first, second] = nights(place, [{}, { gapMs: 1400 }]) as [string, string]
  t.is((await command(place, 'compare', first, second)).status, 1)
  t.is((await command(place, 'compare', first, second, '--threshold', '50%')).status, 0)
  t.is((await command(place, 'compare', first, second, '--threshold', '5%,1s')).status, 0)
  t.is((await command(place, 'compare', second, first)).status, 0)
  isClear(t, (await command(place, 'compare', first, second, '--threshold', 'much')).stderr, '5%,20ms')
})

test('runs that differ in one condition are compared, and the difference is told', async (t) => {
  await using place = new Workspace()
  const [first, second] = nights(place, [{ checks: false }, { gapMs: 11_000 }]) as [string, string]
  const { status, stdout } = await command(place, 'compare', first, second)
  t.is(status, 1)
  t.regex(stdout, /juno, timing, kexec_load: checks was no, is yes/)
})

test('a run whose folder was removed is known by its name, or by the beginning of it', async (t) => {
  await using place = new Workspace()
  const [first, second] = nights(place, [{}, { gapMs: 2400 }]) as [string, string]
  await command(place, 'compare', '2026-11-01', second)
  rmSync(join(place.results, first), { recursive: true })
  const { status, stdout, stderr } = await command(place, 'compare', '2026-11-01', second)
  t.is(status, 1, stderr)
  t.regex(stdout, /slower gap on juno/)
  const ambiguous = await command(place, 'compare', '2026-11', second)
  t.is(ambiguous.status, 2)
  isClear(t, ambiguous.stderr, 'beginning of several runs')
})

test('what can’t be compared ends with status 2 and says why', async (t) => {
  await using place = new Workspace()
  const [first] = nights(place, [{}, { boards: ['rock'], checks: false }]) as [string]
  const none = await command(place, 'compare', first, 'latest')
  t.is(none.status, 2)
  isClear(t, none.stderr, /nothing to compare: .* measured juno, .* measured rock/)
  const unknown = await command(place, 'compare', '2026-11-01T02-00-00Z-jnuo', 'latest')
  t.is(unknown.status, 2)
  isClear(t, unknown.stderr, 'no run', first)
  const noBaseline = await command(place, 'compare', 'baseline')
  t.is(noBaseline.status, 2)
  isClear(t, noBaseline.stderr, 'no board has a baseline', 'npm run baseline -- accept')
})

test('too few cycles are told with how many it takes', async (t) => {
  await using place = new Workspace()
  const [first, second] = nights(place, [{ n: 3 }, { n: 3, gapMs: 9_000 }]) as [string, string]
  const { status, stdout } = await command(place, 'compare', first, second)
  t.is(status, 0)
  t.regex(stdout, /too few cycles to tell a change from chance, 3 against 3 of the baseline: it takes \d+/)
})

test('a baseline is accepted, shown, joined by another run, and dropped', async (t) => {
  await using place = new Workspace()
  const names = nights(place, [{}, {}])
  t.regex((await command(place, 'baseline', 'show')).stdout, /no board has a baseline/)
  t.is((await command(place, 'baseline', 'accept', names[0]!)).status, 0)
  const added = await command(place, 'baseline', 'accept', '--add')
  t.is(added.status, 0, added.stderr)
  const { stdout } = await command(place, 'baseline', 'show', '--board', 'juno')
  t.regex(stdout, /│ juno {2}│ timing │ 6\.1 cloud-arm64 │ kexec_load │ 24/)
  for (const name of names) t.true(stdout.includes(name))
  isClear(t, (await command(place, 'baseline', 'drop')).stderr, '--board NAME')
  t.is((await command(place, 'baseline', 'drop', '--board', 'juno')).status, 0)
  t.is((await command(place, 'baseline', 'drop', '--board', 'juno')).status, 2)
  const wrong = await command(place, 'baseline', 'acept')
  t.is(wrong.status, 2)
  isClear(t, wrong.stderr, 'did you mean "accept"')
})

test('a run without a baseline is told once how to accept one, and not at all where it is too short', async (t) => {
  await using place = new Workspace()
  const told = await baselineEvents(events('tonight', '2026-11-22T02:00:00.000Z'), place.results)
  t.is(told.length, 1)
  t.like(told[0], { type: 'note', board: 'juno' })
  t.regex(JSON.stringify(told), /npm run baseline -- accept tonight/)
  t.deepEqual(
    await baselineEvents(events('tonight', '2026-11-22T02:00:00.000Z', { n: 2 }), place.results),
    [],
  )
})

test('a run that is slower than its baseline fails, and its report can be made again without the baseline', async (t) => {
  await using place = new Workspace()
  const names = nights(place, [{}, { shutdownMs: 360 }])
  await command(place, 'baseline', 'accept', names[0]!)
  const run = events('tonight', '2026-11-22T02:00:00.000Z', { shutdownMs: 362 })
  const added = await baselineEvents(run, place.results)
  t.is(added.length, 1)
  const all = run.toSpliced(-1, 0, { ...added[0]!, t: run.at(-1)!.t } as JournalEvent)
  const folder = join(place.results, '2026-11-22T02-00-00Z-juno')
  mkdirSync(folder)
  writeFileSync(join(folder, 'journal.jsonl'), all.map((event) => `${JSON.stringify(event)}\n`).join(''))
  rmSync(join(place.results, 'baselines'), { recursive: true })
  const { status, stdout } = await place.run(['report', folder])
  t.is(status, 1)
  t.regex(
    stdout,
    new RegExp(`shutdown takes 36\\d ms instead of 6\\d ms .*since ${names[1]}; baseline: ${names[0]}`),
  )
  const junit = readFileSync(join(folder, 'junit.xml'), 'utf8')
  t.regex(
    junit,
    /<testcase name="is no slower than its baseline" classname="kexec\.juno\.timing"[^>]*>\s*<failure type="KexecFailure"/,
  )
  t.regex(readFileSync(join(folder, 'report.html'), 'utf8'), /Against the baseline/)
  t.is(buildSummary(all).findings[0]!.id, 'shutdown-regression')
})

test('checks that were switched on are what the gap is slower for', async (t) => {
  await using place = new Workspace()
  const names = nights(place, [{ checks: false, gapMs: 600 }])
  await command(place, 'baseline', 'accept', names[0]!)
  const run = events('tonight', '2026-11-22T02:00:00.000Z', { gapMs: 10_400 })
  const added = await baselineEvents(run, place.results)
  const summary = buildSummary(run.toSpliced(-1, 0, { ...added[0]!, t: run.at(-1)!.t } as JournalEvent))
  t.is(summary.verdict, 'failed')
  t.regex(
    summary.boards[0]!.tests.at(-1)!.failure!.message,
    /^gap takes 10\.\d s instead of 60\d ms .* with kexec_load, which was loaded without checks before, since tonight; baseline/,
  )
  t.is(summary.findings.length, 1)
})

test('a baseline of other conditions is told, and what it was', async (t) => {
  await using place = new Workspace()
  const names = nights(place, [{}])
  await command(place, 'baseline', 'accept', names[0]!)
  const run = events('tonight', '2026-11-22T02:00:00.000Z')
  Object.assign((run[0] as { plan: { boards: { descriptor: unknown }[] } }).plan.boards[0]!, {
    descriptor: { append: 'nokaslr' },
  })
  const told = await baselineEvents(run, place.results)
  t.like(told[0], {
    type: 'note',
    text: 'the baseline of juno was made under other conditions: timing of 6.1 cloud-arm64 with kexec_load; this run is timing of 6.1 cloud-arm64 with kexec_load and "nokaslr"',
  })
})

test('what the board’s owner allows is told and fails nothing', async (t) => {
  await using place = new Workspace()
  const names = nights(place, [{}])
  await command(place, 'baseline', 'accept', names[0]!)
  const run = events('tonight', '2026-11-22T02:00:00.000Z', { shutdownMs: 360 })
  const allow = [{ signature: 'shutdown-regression', until: '2026-12-01', owner: 'lab', why: 'new driver' }]
  Object.assign((run[0] as { plan: { boards: { descriptor: unknown }[] } }).plan.boards[0]!, {
    descriptor: { allow },
  })
  const added = await baselineEvents(run, place.results)
  const summary = buildSummary(run.toSpliced(-1, 0, { ...added[0]!, t: run.at(-1)!.t } as JournalEvent))
  t.is(summary.verdict, 'passed')
  t.like(summary.findings[0], { id: 'shutdown-regression', severity: 'info' })
  t.regex(summary.findings[0]!.evidence.join('\n'), /allowed until 2026-12-01 by lab: new driver/)
})

test('a baseline that can’t be read is told, and fails no run', async (t) => {
  await using place = new Workspace()
  mkdirSync(join(place.results, 'baselines'), { recursive: true })
  writeFileSync(join(place.results, 'baselines', 'juno.json'), 'garbage')
  const told = await baselineEvents(events('tonight', '2026-11-22T02:00:00.000Z'), place.results)
  t.is(told.length, 1)
  t.regex(JSON.stringify(told), /not compared with a baseline: the baseline .* can't be read: it is no JSON/)
})
