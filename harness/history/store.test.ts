import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type ExecutionContext } from 'ava'
import { execa } from 'execa'
import { LabError } from '../errors.ts'
import { passedRun } from '../journal/summary-runs-fixture.ts'
import { historyFile } from './file.ts'
import { runOf } from './runs-fixture.ts'
import { takeInRuns, withHistory } from './store.ts'

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kexec-harness-history-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Hears what is told of a history. */
function listener() {
  const told: string[] = []
  return { told, tell: (sentence: string) => void told.push(sentence) }
}

const silent = () => {}
const namesIn = (results: string) =>
  withHistory(results, silent, (history) =>
    [...history.names()].sort((left, right) => left.localeCompare(right)),
  )

test('a run is found again with its values per phase, without its warm-ups', async (t) => {
  const results = folder(t)
  await withHistory(results, silent, (history) => history.record(runOf('2026-one', [124, 126, 125])))
  await withHistory(results, silent, (history) => {
    t.like(history.find('2026-o')[0], { name: '2026-one', verdict: 'passed' })
    const [group, ...others] = history.groupsOf('2026-one')
    t.deepEqual(others, [])
    t.like(group, {
      board: 'juno',
      kernels: ['6.1.0-37-cloud-arm64'],
      conditions: { suite: 'timing', kernel: '6.1 cloud-arm64', syscall: 'kexec_load', checks: true },
    })
    t.deepEqual(group!.runs[0]!.values.gapMs, [124, 126, 125])
    t.deepEqual(group!.runs[0]!.values.shutdownMs, [60, 60, 60])
    t.deepEqual(history.groupsOf('nothing'), [])
  })
})

test('a run that is recorded again takes the place of what was known of it', async (t) => {
  const results = folder(t)
  await withHistory(results, silent, (history) => {
    history.recordAll([runOf('one', [100, 101, 102]), runOf('two', [200, 201])])
    history.record(runOf('one', [300]))
    t.deepEqual(history.groupsOf('one')[0]!.runs[0]!.values.gapMs, [300])
    t.deepEqual(history.groupsOf('two')[0]!.runs[0]!.values.gapMs, [200, 201])
  })
})

test('a history that was lost is made again from what the runs’ folders hold', async (t) => {
  const results = folder(t)
  const write = (run: string, file: string, text: string) => {
    mkdirSync(join(results, run), { recursive: true })
    writeFileSync(join(results, run, file), text)
  }
  write('2026-11-20T01-00-00Z-juno', 'run.json', JSON.stringify(runOf('another name', [124, 125])))
  const journal = passedRun().map((event) => `${JSON.stringify(event)}\n`)
  write('2026-11-21T01-00-00Z-killed', 'journal.jsonl', journal.slice(0, -5).join(''))
  write('2026-11-21T01-00-00Z-killed', 'run.json', '{"of": "another harness"}')
  write('2026-11-22T01-00-00Z-empty', 'console', '')
  write('baselines', 'juno.json', '{}')
  const { told, tell } = listener()
  await withHistory(results, tell, async (history) => {
    t.is(await takeInRuns(results, history, tell), 2)
    t.deepEqual(history.groupsOf('2026-11-20T01-00-00Z-juno')[0]!.runs[0]!.values.gapMs, [124, 125])
    t.true(history.groupsOf('2026-11-21T01-00-00Z-killed').length > 0)
    t.is(await takeInRuns(results, history, tell), 0)
  })
  t.regex(told.join(), /took in 2 runs/)
})

/** Whether a history takes a run, and what it told, after something was done to its file. */
async function survives(t: ExecutionContext, results: string): Promise<void> {
  const { told, tell } = listener()
  await withHistory(results, tell, (history) => history.record(runOf('after', [1])))
  t.deepEqual(await namesIn(results), ['after'])
  t.is(told.length, 1, told.join('\n'))
  t.regex(told[0]!, /history\.sqlite is broken \(.+\); it is now .+\.broken-.+, and is made again/)
  t.true(readdirSync(results).some((name) => name.includes('.broken-')))
}

test('a file that is no database is set aside', async (t) => {
  const results = folder(t)
  writeFileSync(historyFile(results), 'garbage\n'.repeat(1000))
  await survives(t, results)
})

test('a database that is damaged in its middle is set aside', async (t) => {
  const results = folder(t)
  await withHistory(results, silent, (history) =>
    history.recordAll(Array.from({ length: 50 }, (_, index) => runOf(`run-${index}`, [1, 2, 3]))),
  )
  const file = historyFile(results)
  const handle = openSync(file, 'r+')
  writeSync(handle, Buffer.alloc(statSync(file).size - 4096, 0x5a), 0, undefined, 4096)
  closeSync(handle)
  await survives(t, results)
})

test('a database of somebody else is set aside', async (t) => {
  const results = folder(t)
  const db = new DatabaseSync(historyFile(results))
  db.exec('CREATE TABLE something (else_ TEXT); PRAGMA user_version = 1')
  db.close()
  await survives(t, results)
})

test('an empty file is taken for a new history', async (t) => {
  const results = folder(t)
  writeFileSync(historyFile(results), '')
  await withHistory(results, silent, (history) => history.record(runOf('one', [1])))
  t.deepEqual(await namesIn(results), ['one'])
})

test('a history of a newer harness is left alone', async (t) => {
  const results = folder(t)
  const db = new DatabaseSync(historyFile(results))
  db.exec('PRAGMA user_version = 99')
  db.close()
  const error = await t.throwsAsync(namesIn(results), { instanceOf: LabError })
  t.regex(error!.message, /is of a newer harness \(version 99; this one knows 1\)/)
  t.deepEqual(readdirSync(results), ['history.sqlite'])
})

test('a history that can’t be opened is the lab’s fault, with what to do', async (t) => {
  const results = folder(t)
  mkdirSync(historyFile(results))
  const error = await t.throwsAsync(namesIn(results), { instanceOf: LabError })
  t.regex(error!.message, /cannot use the history .+: it can neither be opened nor made there/)
  t.regex(error!.hint ?? '', /may be removed/)
})

test('an error of its user is the user’s, and sets nothing aside', async (t) => {
  const results = folder(t)
  await t.throwsAsync(
    withHistory(results, silent, () => {
      throw new RangeError('mine')
    }),
    { instanceOf: RangeError, message: 'mine' },
  )
  t.false(readdirSync(results).some((name) => name.includes('.broken-')))
})

test('processes that write at once lose nothing', async (t) => {
  const results = folder(t)
  const script = join(import.meta.dirname, 'runs-fixture.ts')
  const writers = ['a', 'b', 'c', 'd']
  const ends = await Promise.all(
    writers.map((name) => execa(process.execPath, [script, results, name, '15'], { timeout: 120_000 })),
  )
  t.deepEqual(
    ends.map(({ stderr }) => stderr),
    writers.map(() => ''),
  )
  t.is((await namesIn(results)).length, 60)
})

test('processes that find it broken at once set it aside once and lose nothing after', async (t) => {
  const results = folder(t)
  writeFileSync(historyFile(results), 'garbage\n'.repeat(1000))
  const script = join(import.meta.dirname, 'runs-fixture.ts')
  await Promise.all(
    ['a', 'b', 'c'].map((name) =>
      execa(process.execPath, [script, results, name, '10'], { timeout: 120_000 }),
    ),
  )
  t.is((await namesIn(results)).length, 30)
  t.is(readdirSync(results).filter((name) => /\.broken-[^.]*Z$/.test(name)).length, 1)
})

test('since when something is slow is the first run of those that all were', async (t) => {
  const results = folder(t)
  const day = (index: number) => `2026-11-${String(index).padStart(2, '0')}T02:00:00.000Z`
  const gaps = [100, 101, 400, 99, 402, 398, 401]
  await withHistory(results, silent, (history) => {
    history.recordAll(
      gaps.map((gapMs, index) => runOf(`night-${index + 1}`, [gapMs, gapMs + 1], day(index + 1))),
    )
    const [{ conditions }] = history.groupsOf('night-1') as [ReturnType<typeof history.groupsOf>[number]]
    const since = (before: string) =>
      history.slowSince(
        { board: 'juno', conditions, phase: 'gapMs' },
        { fromMs: 100, toMs: 400, after: day(1), before },
      )
    t.deepEqual(since(day(8)), { run: 'night-5', startedAt: day(5) })
    t.is(since(day(5)), undefined)
    t.is(since(day(4))?.run, 'night-3')
  })
})
