import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { LabError } from '../errors.ts'
import { acceptBaseline, boardsWithBaseline, dropBaseline, readBaseline } from './baselines.ts'
import { sideOf } from './comparison.ts'
import { runOf } from './runs-fixture.ts'

function folder(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'kexec-harness-baselines-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const at = new Date('2026-11-22T08:00:00Z')
const groupsOf = (name: string, gapsMs: number[]) => sideOf(runOf(name, gapsMs)).groups

test('an accepted run is read back with its values', async (t) => {
  const results = folder(t)
  await acceptBaseline(results, 'juno', groupsOf('one', [124, 125]), { add: false, at })
  t.deepEqual(await boardsWithBaseline(results), ['juno'])
  const baseline = await readBaseline(results, 'juno')
  t.is(baseline!.groups.length, 1)
  t.like(baseline!.groups[0], { acceptedAt: at.toISOString(), conditions: { syscall: 'kexec_load' } })
  t.deepEqual(baseline!.groups[0]!.runs[0]!.values.gapMs, [124, 125])
})

test('another run takes its place, or stands beside it; other conditions stay', async (t) => {
  const results = folder(t)
  const [other] = groupsOf('zero', [7])
  const unlike = { ...other!, conditions: { ...other!.conditions, kernel: '5.10 cloud-arm64' } }
  await acceptBaseline(results, 'juno', [unlike], { add: false, at })
  await acceptBaseline(results, 'juno', groupsOf('one', [124]), { add: false, at })
  await acceptBaseline(results, 'juno', groupsOf('two', [125]), { add: true, at })
  await acceptBaseline(results, 'juno', groupsOf('two', [126]), { add: true, at })
  const runs = async () =>
    (await readBaseline(results, 'juno'))!.groups.map((group) =>
      group.runs.map(({ run, values }) => [run, ...values.gapMs!]),
    )
  t.deepEqual(await runs(), [
    [['zero', 7]],
    [
      ['one', 124],
      ['two', 126],
    ],
  ])
  await acceptBaseline(results, 'juno', groupsOf('three', [127]), { add: false, at })
  t.deepEqual(await runs(), [[['zero', 7]], [['three', 127]]])
})

test('a baseline is dropped once', async (t) => {
  const results = folder(t)
  await acceptBaseline(results, 'juno', groupsOf('one', [124]), { add: false, at })
  t.true(await dropBaseline(results, 'juno'))
  t.false(await dropBaseline(results, 'juno'))
  t.is(await readBaseline(results, 'juno'), undefined)
  t.deepEqual(await boardsWithBaseline(results), [])
})

test('a file that is no baseline is told with what to do', async (t) => {
  const results = folder(t)
  mkdirSync(join(results, 'baselines'))
  for (const text of ['{"schemaVersion": 2}', 'half a fi']) {
    writeFileSync(join(results, 'baselines', 'juno.json'), text)
    const error = await t.throwsAsync(readBaseline(results, 'juno'), { instanceOf: LabError })
    t.regex(error!.hint ?? '', /npm run baseline -- drop --board juno/)
  }
})
