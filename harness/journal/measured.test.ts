import test from 'ava'
import {
  comparablePhases,
  judgedAs,
  kernelLine,
  measuredGroups,
  partsBehindGap,
  phaseLabel,
  phaseValues,
  wayOf,
} from './measured.ts'
import { buildSummary } from './summary.ts'
import { JournalBuilder } from './summary-fixture.ts'
import { passedRun } from './summary-runs-fixture.ts'

const lines: [release: string, line: string][] = [
  ['6.1.0-56-cloud-amd64', '6.1 cloud-amd64'],
  ['6.1.0-57-cloud-amd64', '6.1 cloud-amd64'],
  ['7.2.13+deb14-amd64', '7.2 amd64'],
  ['5.10.0-36-arm64', '5.10 arm64'],
  ['6.8.0-45-generic', '6.8 generic'],
  ['6.12.0-rc3-00123-g1234abcd-dirty', '6.12'],
  ['6.12.0-rc3+', '6.12'],
  ['6.6.31-v8', '6.6 v8'],
  ['custom', 'custom'],
]
for (const [release, line] of lines)
  test(`${release} is of the line ${line}`, (t) => t.is(kernelLine(release), line))

test('cycles are grouped by what must be equal to compare them', (t) => {
  const groups = buildSummary(passedRun()).boards.flatMap(measuredGroups)
  t.deepEqual(
    groups.map(({ board, conditions, cycles }) => [board, wayOf(conditions), cycles.length]),
    [
      ['qemu-aarch64', 'kexec_load', 7],
      ['qemu-aarch64', 'kexec_load --no-checks', 6],
      ['qemu-x86_64', 'kexec_file_load', 1],
    ],
  )
  t.like(groups[0]!.conditions, { accelerator: 'tcg', kernel: '6.1 cloud-arm64', entry: null, append: '' })
  // The warm-up of 99 s is none of them.
  t.deepEqual(phaseValues(groups[0]!).gapMs, [10_390, 10_410, 10_400, 10_402, 10_398, 10_401])
})

test('what is counted in instructions has no noise and no host, and what is timed beside it has both', (t) => {
  const values = { gapMs: [1], relocationMs: [1], startupMs: [1] }
  const as = (accelerator: string | null, phase: string, of: object = values) =>
    judgedAs('board', { accelerator }, phase, of as Record<string, unknown>, { share: 0.05, ms: 20 })
  const timed = { thresholds: { share: 0.05, ms: 20 }, shared: 'board', isPart: false }
  const counted = { thresholds: { share: 0.005, ms: 2 }, shared: undefined, isPart: false }
  t.deepEqual(as('icount', 'gapMs'), counted)
  t.deepEqual(as('icount', 'relocationMs'), { ...counted, isPart: true })
  t.deepEqual(as('icount', 'startupMs'), timed)
  // Nobody followed its borders.
  t.deepEqual(as('icount', 'gapMs', { gapMs: [1] }), timed)
  t.deepEqual(as('tcg', 'gapMs'), timed)
  t.deepEqual(as(null, 'gapMs'), { ...timed, shared: undefined })
})

test('how a menu’s entry was chosen is a condition, and which one it was is not', (t) => {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'loader', 'boots', (about) => {
    for (const label of ['Main A', 'Main B']) journal.cycle(about, { choice: { by: 'label', label } })
    journal.cycle(about, { choice: { by: 'label', label: 'Main A', edit: 'quiet' } })
    journal.cycle(about, { choice: { by: 'time-out' } })
  })
  const groups = buildSummary(journal.end()).boards.flatMap(measuredGroups)
  t.deepEqual(
    groups.map(({ conditions, cycles }) => [conditions.entry, cycles.length]),
    [
      ['label', 2],
      ['label: quiet', 1],
      ['time-out', 1],
    ],
  )
})

test('phases are compared in the order of a cycle, sums not at all', (t) => {
  const all = { totalMs: 1, userspaceMs: 1, gapMs: 1, relocationMs: 1, purgatoryMs: 1, loadMs: 1 }
  t.deepEqual(comparablePhases(all, { ...all, shutdownMs: 1 }), [
    ...['loadMs', 'gapMs', 'relocationMs', 'purgatoryMs', 'userspaceMs'],
  ])
  t.is(phaseLabel('shutdownTailMs'), 'shutdown tail')
})

const row = (phase: string, verdict: string, shift: number) => ({ phase, verdict, shift })
const behind = (...rows: ReturnType<typeof row>[]) => partsBehindGap(rows).map(({ phase }) => phase)

test('the parts that changed as the gap did stand behind it, the largest first', (t) => {
  const relocation = row('relocationMs', 'slower', 40)
  const purgatory = row('purgatoryMs', 'slower', 900)
  const decompressor = row('decompressMs', 'faster', -500)
  t.deepEqual(behind(row('gapMs', 'slower', 950), relocation, purgatory, decompressor), [
    'purgatoryMs',
    'relocationMs',
  ])
  t.deepEqual(behind(row('gapMs', 'faster', -500), relocation, decompressor), ['decompressMs'])
})

test('where each part is lost in its noise, the one that moved with the gap stands behind it', (t) => {
  const lost = [row('relocationMs', 'no change', 10), row('earlyKernelMs', 'no change', 80)]
  t.deepEqual(behind(row('gapMs', 'slower', 100), ...lost), ['earlyKernelMs'])
  t.deepEqual(behind(row('gapMs', 'slower', 400), ...lost), [])
  t.deepEqual(behind(row('gapMs', 'no change', 100), ...lost), [])
  t.deepEqual(behind(row('loadMs', 'slower', 100), row('earlyKernelMs', 'slower', 90)), [])
})
