import test from 'ava'
import type { Finding } from '../../journal/events.ts'
import { buildSummary } from '../../journal/summary.ts'
import { JournalBuilder } from '../../journal/summary-fixture.ts'
import { observedRun } from '../../journal/summary-runs-fixture.ts'
import { faultRow, faultTable } from './faults.ts'
import { columnOf, shutdownTable } from './shutdown.ts'

const finding: Omit<Finding, 'id'> = {
  ...{ severity: 'error', phase: 'handover', board: 'qemu-x86_64', generation: 1, cpu: null },
  ...{ device: '0000:00:01.0', driver: 'edu_d3cold', confidence: 'seen', evidence: [], advice: '' },
}

function runWith(...ids: string[]) {
  const board = 'qemu-x86_64'
  const journal = new JournalBuilder().start([board]).open(board).plan(board, 'shutdown', ['t'])
  journal.test(board, 'shutdown', 't', (test) => journal.cycle(test))
  for (const id of ids) journal.add('finding', { ...finding, id })
  return buildSummary(journal.runner(board).end('passed'))
}

test('a fault is found where its findings are there, with device and driver', (t) => {
  const row = faultRow('edu-d3cold', runWith('dma-left-active'))
  t.true(row.ok)
  t.deepEqual(row.cells, ['dma-left-active 0000:00:01.0 edu_d3cold'])
})

test('a fault that is not found is told', (t) => {
  const row = faultRow('edu-rearm', runWith('dma-left-active'))
  t.false(row.ok)
  t.regex(row.cells[0]!, /\*\*missing: engine-left-running\*\*; \*\*missing: dma-after-bye\*\*/)
})

test('a good driver, and no fault at all, may have no finding, and a run without a cycle proves nothing', (t) => {
  t.true(faultRow('edu-good', runWith()).ok)
  t.false(faultRow('edu-good', runWith('dma-left-active')).ok)
  t.true(faultRow(null, runWith()).ok)
  t.false(faultRow(null, buildSummary(new JournalBuilder().start(['b']).open('b').end('passed'))).ok)
  t.is(
    faultTable(['qemu-x86_64'], [faultRow(null, runWith())]),
    '| fault | expected | qemu-x86_64 |\n| --- | --- | --- |\n| none | nothing | nothing |',
  )
})

test('what a device is left doing, by kernel and by way of executing', (t) => {
  const column = columnOf(buildSummary(observedRun()))!
  t.is(
    shutdownTable([column]),
    [
      '| device | 6.1.0-37-cloud-arm64 |',
      '| --- | --- |',
      '| e1000e | master off, stopped, reset |',
      '| e1000e, `-x` | master off, **engine runs**, not reset |',
      '| the kexec | came up |',
      '| the kexec, `-x` | came up |',
    ].join('\n'),
  )
})
