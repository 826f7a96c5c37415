import test from 'ava'
import { buildSummary } from '../../journal/summary.ts'
import { JournalBuilder } from '../../journal/summary-fixture.ts'
import { loaderRows } from './loaders.ts'

test('a row for each way of selecting, with medians of what was proven and without entries that were to fail', (t) => {
  const board = 'qemu-x86_64'
  const journal = new JournalBuilder().start([board]).open(board).plan(board, 'loader', ['t'])
  const label = { by: 'label', label: 'Main Linux A' } as const
  journal.test(board, 'loader', 't', (one) => {
    for (const gapMs of [100, 300, 200])
      journal.cycle(one, { loader: 'u-root', choice: label, phases: { gapMs, choiceToReadyMs: gapMs * 10 } })
    journal.cycle(one, { loader: 'u-root', choice: label, verdict: 'failed', phases: { gapMs: 9_000 } })
    journal.cycle(one, { loader: 'u-root', choice: { by: 'time-out' }, phases: { gapMs: 50 } })
    journal.cycle(one, { loader: 'u-root', choice: label, inVain: true, proven: false, phases: {} })
  })
  t.deepEqual(loaderRows(buildSummary(journal.runner(board).end('passed'))), [
    {
      ...{ loader: 'u-root', board, way: 'menu, by label', proven: 3, cycles: 4 },
      ...{ gapMs: 200, toUserSpaceMs: 2_000 },
    },
    {
      ...{ loader: 'u-root', board, way: 'menu, by its time-out', proven: 1, cycles: 1 },
      ...{ gapMs: 50, toUserSpaceMs: null },
    },
  ])
})
