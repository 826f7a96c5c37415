import test from 'ava'
import { buildSummary } from '../../journal/summary.ts'
import { JournalBuilder } from '../../journal/summary-fixture.ts'
import { loaderRows, loaderTableText } from './loaders.ts'

const board = 'qemu-x86_64'

function journalOf(suite: string): JournalBuilder {
  return new JournalBuilder().start([board]).open(board).plan(board, suite, ['t'])
}

test('a row for each way of selecting, with medians of what was proven and without entries that were to fail', (t) => {
  const journal = journalOf('loader')
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
      ...{ loader: 'u-root', board, suite: 'loader', way: 'menu, by label', proven: 3, cycles: 4 },
      ...{ ends: { failed: 1 }, gapMs: 200, toUserSpaceMs: 2_000 },
    },
    {
      ...{ loader: 'u-root', board, suite: 'loader', way: 'menu, by its time-out', proven: 1, cycles: 1 },
      ...{ ends: {}, gapMs: 50, toUserSpaceMs: null },
    },
  ])
})

test('a chain has two rows of its bootloader: out of its menu, and back into it', (t) => {
  const journal = journalOf('chain')
  journal.test(board, 'chain', 't', (one) => {
    for (const _ of [1, 2]) {
      journal.cycle(one, { loader: 'kboot', choice: { by: 'label', label: 'Main Linux A' } })
      journal.cycle(one, { loader: 'kexec-tools', checks: false })
    }
  })
  t.deepEqual(
    loaderRows(buildSummary(journal.runner(board).end('passed'))).map(({ loader, way, proven }) => [
      loader,
      way,
      proven,
    ]),
    [
      ['kboot', 'menu, by label', 2],
      ['kboot', 'back into it by kexec-tools, kexec_load --no-checks', 2],
    ],
  )
})

test('a loader without a menu tells what is typed, and how cycles ended that failed', (t) => {
  const journal = journalOf('stress')
  const diagnosis = { kind: 'reset', phase: 'handover', summary: 's', evidence: [], lastLines: [] } as const
  journal.test(board, 'stress', 't', (one) => {
    for (const loader of ['kexec-tools', 'kdump', 'pxe-kexec', 'systemctl-kexec'])
      journal.cycle(one, { loader, phases: { gapMs: 2_500, totalMs: 12_300 } })
    journal.cycle(one, { loader: 'kdump', verdict: 'failed', diagnosis: diagnosis as never, phases: {} })
    journal.cycle(one, { loader: 'kdump', verdict: 'skipped', phases: {} })
  })
  const summary = buildSummary(journal.runner(board).end('failed'))
  t.deepEqual(loaderTableText([summary, summary]).split('\n').slice(2, 6), [
    `| kexec-tools | ${board} | stress | command in its shell, kexec_load | 1 of 1 | 2.50 s | 12.3 s | 1 |`,
    `| kdump | ${board} | stress | crash (sysrq), kexec_load | 1 of 2, 1 reset | 2.50 s | 12.3 s | 1 |`,
    `| pxe-kexec | ${board} | stress | label of a pxelinux.cfg, kexec_load | 1 of 1 | 2.50 s | 12.3 s | 1 |`,
    `| systemctl-kexec | ${board} | stress | \`systemctl kexec\` in its shell, kexec_load | 1 of 1 | 2.50 s | 12.3 s | 1 |`,
  ])
  // The journal has the command as the harness got it.
  const asGot = { ...summary, command: 'test --suite stress' }
  t.deepEqual(loaderTableText([summary, asGot, summary]).split('\n').slice(-4), [
    'Made by:',
    '',
    `1. \`npm test -- --board ${board}\``,
    '2. `npm test -- --suite stress`',
  ])
})
