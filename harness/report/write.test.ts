import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import test from 'ava'
import { LabError } from '../errors.ts'
import { buildSummary } from '../journal/summary.ts'
import { hostileRun, passedRun } from '../journal/summary-runs-fixture.ts'
import { runSummarySchema } from '../journal/summary-schema.ts'
import { runJson } from './json.ts'
import { writeReports } from './write.ts'

async function folder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'kexec-harness-report-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

test('writes the three reports, whole and without leftovers', async (t) => {
  await using run = await folder()
  await writeFile(join(run.path, 'run.json'), 'from an earlier report')
  const { files, errors, summary } = await writeReports(run.path, passedRun())
  t.deepEqual(errors, [])
  t.deepEqual((await readdir(run.path)).sort(), ['junit.xml', 'report.html', 'run.json'])
  const json = await readFile(files.json ?? '', 'utf8')
  t.deepEqual(runSummarySchema.parse(JSON.parse(json)), JSON.parse(JSON.stringify(summary)))
  t.is(summary.verdict, 'passed')
})

test('takes the events as a stream, and the run’s name from the folder where the journal lost it', async (t) => {
  await using run = await folder()
  async function* events() {
    yield* passedRun().slice(1)
  }
  const { summary } = await writeReports(run.path, events())
  t.is(summary.run, basename(run.path))
})

test('a report that can’t be written keeps no other from being written', async (t) => {
  await using run = await folder()
  await mkdir(join(run.path, 'junit.xml', 'in-the-way'), { recursive: true })
  const { files, errors } = await writeReports(run.path, passedRun())
  t.deepEqual(Object.keys(files), ['json', 'html'])
  t.is(errors.length, 1)
  t.true(errors[0] instanceof LabError)
  t.true(errors[0]?.message.includes(join(run.path, 'junit.xml')))
  t.deepEqual((await readdir(run.path)).sort(), ['junit.xml', 'report.html', 'run.json'])
})

test('a folder that is gone is a LabError for each report', async (t) => {
  const { errors, summary } = await writeReports(join(tmpdir(), 'kexec-harness-no-such-run'), passedRun())
  t.is(summary.verdict, 'passed')
  t.deepEqual(
    errors.map((error) => error instanceof LabError),
    [true, true, true],
  )
})

test('a full disk names the path, leaves the old report, and nothing half written', async (t) => {
  await using run = await folder()
  await writeFile(join(run.path, 'run.json'), '{}')
  await symlink('/dev/full', join(run.path, `run.json.${process.pid}.tmp`))
  const { files, errors } = await writeReports(run.path, passedRun())
  t.true(errors[0] instanceof LabError)
  t.is(errors[0]?.message, `the disk is full: cannot write ${join(run.path, 'run.json')}`)
  t.deepEqual(Object.keys(files), ['junit', 'html'])
  t.is(await readFile(join(run.path, 'run.json'), 'utf8'), '{}')
  t.deepEqual((await readdir(run.path)).sort(), ['junit.xml', 'report.html', 'run.json'])
})

test('run.json can be printed to a terminal and loses nothing', (t) => {
  const summary = buildSummary(hostileRun())
  const json = runJson(summary)
  t.notRegex(json, /[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/)
  t.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(summary)))
})
