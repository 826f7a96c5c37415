/** Whole runs of the kinds that reports must get right, for the tests of every report. */
import type { Observed } from '../kexec/observe/observed.ts'
import type { Diagnosis, JournalEvent } from './events.ts'
import { JournalBuilder } from './summary-fixture.ts'

/** What a console may send: escape sequences, NUL, C1, half a surrogate pair, markup, commands to CI systems. */
export const hostileText =
  '\x1b[2J\x1b]0;owned\x07 \0 \x9b31m \ud800 \udc00 \ufffe \u202e ]]> <script>alert(1)</script> & "q" \'s\' --> \r over [[ATTACHMENT|/etc/passwd]]'

export function diagnosisOf(more: Partial<Diagnosis> = {}): Diagnosis {
  return {
    kind: 'hang-in-gap',
    summary: 'silent since "Bye!": no line of a new kernel within 30 s',
    confidence: 'inferred',
    evidence: ['the last line is the arm64 marker "Bye!"', 'PC is in no segment'],
    lastLines: ['[   12.3] kexec_core: Starting new kernel', '[   12.4] Bye!'],
    registers: ['CPU0 PC=0x40081234 X0=0x0'],
    recoveredLog: ['[    0.0] Booting Linux on physical CPU 0x0'],
    ...more,
  }
}

type Device = Observed['readings'][number]['devices'][number]

/** A quiet NIC; `more` is what is different. */
function deviceOf(more: Partial<Device> = {}): Device {
  return {
    ...{ address: '0000:00:04.0', id: '8086:10d3', family: 'e1000', drivers: ['e1000e'] },
    ...{ busMaster: false, running: false, waking: false, notReset: false },
    facts: ['RCTL.EN is 0 (RCTL 0x00000000)'],
    registers: { RCTL: 0 },
    ...more,
  }
}

function observedOf(devices: Device[], more: Partial<Observed> = {}): Observed {
  const shutdown = { device: '0000:00:04.0', driver: 'e1000e', durationMs: 12.5, hasShutdown: true }
  const ipi = { source: 1, target: 0, count: 3, offlineCount: 0, idleCount: null }
  return {
    readings: [{ method: 'breakpoint', stoppedMs: 19.4, devices }],
    disagreements: [],
    shutdown: { devices: [shutdown], ipis: [ipi] },
    canaryIntact: true,
    notes: [],
    ...more,
  }
}

/** Two kexecs that were observed: after the second, a NIC still receives. */
export function observedRun(): JournalEvent[] {
  const board = 'qemu-x86_64'
  const journal = new JournalBuilder().start([board]).open(board, 'x86_64', '6.1.0-37-amd64')
  journal.plan(board, 'shutdown', ['leaves no device at work'])
  journal.test(board, 'shutdown', 'leaves no device at work', (test) => {
    const running = deviceOf({ running: true, notReset: true, facts: ['RCTL.EN is 1'] })
    journal.cycle(test).add('cycle-observed', { board, cycle: 1, observed: observedOf([deviceOf()]) })
    journal.cycle(test, { noIfdown: true })
    journal.add('cycle-observed', { board, cycle: 2, observed: observedOf([running]) })
  })
  return journal.runner(board).end('passed')
}

const timing = ['checked loads', 'unchecked loads']

/** Two boards, everything passes; the arm64 one is kexec'd both ways. */
export function passedRun(): JournalEvent[] {
  const journal = new JournalBuilder().start(['qemu-aarch64', 'qemu-x86_64'])
  journal.open('qemu-aarch64').plan('qemu-aarch64', 'timing', timing)
  const checkedMs = [10_390, 10_410, 10_400, 10_402, 10_398, 10_401]
  journal.test('qemu-aarch64', 'timing', 'checked loads', (test) => {
    journal.cycle(test, { warmup: true, phases: { ...fast, gapMs: 99_000 } })
    for (const gapMs of checkedMs) journal.cycle(test, { phases: { ...fast, gapMs } })
  })
  journal.test('qemu-aarch64', 'timing', 'unchecked loads', (test) => {
    for (const gapMs of [124, 123, 125, 124, 124, 126])
      journal.cycle(test, { checks: false, phases: { ...fast, gapMs } })
  })
  journal
    .open('qemu-x86_64', 'x86_64', '6.1.0-37-cloud-amd64')
    .plan('qemu-x86_64', 'smoke', ['loads with -s'])
  journal.test('qemu-x86_64', 'smoke', 'loads with -s', (test) => {
    journal.cycle(test, {
      syscall: 'kexec_file_load',
      kernel: '6.1.0-37-cloud-amd64',
      phases: { ...fast, gapMs: 7100 },
    })
  })
  return journal.runner('qemu-aarch64').runner('qemu-x86_64').end('passed')
}

const fast = { loadMs: 800, shutdownMs: 60, startupMs: 900, userspaceMs: 300, totalMs: 11_660 }

/** A hang with everything that is known about it in hostile text, a skipped test, a retry, a finding, a recovery. */
export function hostileRun(): JournalEvent[] {
  const board = 'juno'
  const journal = new JournalBuilder().start([board]).open(board)
  journal.plan(board, 'smoke', ['hangs', 'skips', 'comes good', 'never comes good'])
  journal.test(
    board,
    'smoke',
    'hangs',
    (test) => {
      journal.cycle(test, {
        verdict: 'failed',
        kernel: null,
        phases: { loadMs: 800, shutdownMs: 60 },
        lines: [hostileText, hostileText],
        failure: { kind: 'kexec', message: `no new-kernel output: ${hostileText}` },
        diagnosis: diagnosisOf({
          summary: `silent: ${hostileText}`,
          evidence: [hostileText],
          lastLines: [hostileText, 'psci: CPU5 killed', hostileText],
          registers: [hostileText],
          recoveredLog: [hostileText],
        }),
      })
      const hostile = deviceOf({ drivers: [hostileText], facts: [hostileText], family: hostileText })
      const observed = observedOf([hostile], { disagreements: [hostileText], notes: [hostileText] })
      journal.add('cycle-observed', { board, cycle: 1, observed })
    },
    {
      verdict: 'failed',
      failure: { kind: 'kexec', message: `${hostileText}\nsecond line`, hint: hostileText },
    },
  )
  journal.test(board, 'smoke', 'skips', undefined, {
    verdict: 'skipped',
    reason: `no file load: ${hostileText}`,
  })
  const lab = { kind: 'lab', message: `the relay said ${hostileText}` } as const
  journal.test(board, 'smoke', 'comes good', undefined, { verdict: 'error', failure: lab })
  journal.test(board, 'smoke', 'comes good', journal.cycle.bind(journal))
  journal.test(board, 'smoke', 'never comes good', undefined, { verdict: 'error', failure: lab })
  journal.test(board, 'smoke', 'never comes good', undefined, { verdict: 'error', failure: lab })
  journal.add('finding', {
    id: 'kernel-warning',
    severity: 'warning',
    phase: 'early',
    board,
    generation: 1,
    device: hostileText,
    driver: 'edu',
    cpu: 1,
    confidence: 'seen',
    evidence: [hostileText],
    advice: `look at ${hostileText}`,
  })
  journal.add('recovery', { board, step: 'power cycle', outcome: hostileText, ok: true })
  journal.add('note', { board: null, text: hostileText })
  return journal.runner(board, 1, hostileText).end('failed')
}

/** Killed inside the second test; a third one was planned. */
export function killedRun(): JournalEvent[] {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.plan('juno', 'timing', [...timing, 'never started'])
  journal.test('juno', 'timing', 'checked loads', journal.cycle.bind(journal))
  journal.test(
    'juno',
    'timing',
    'unchecked loads',
    (test) => {
      journal.cycle(test).cycle(test, { ends: false, phases: { loadMs: 800, shutdownMs: 60, gapMs: 120 } })
    },
    null,
  )
  return journal.events
}

/** The AVA process died: one test has no end, one never started, the run itself went on to its end. */
export function crashedRunner(): JournalEvent[] {
  const journal = new JournalBuilder().start(['juno']).open('juno').plan('juno', 'timing', timing)
  journal.test('juno', 'timing', 'checked loads', undefined, null)
  return journal.runner('juno', 1, 'Uncaught exception\nTypeError: x is not a function\n').end('error')
}

/** One board can't be booted, the other passes. */
export function deadBoard(): JournalEvent[] {
  const journal = new JournalBuilder().start(['juno', 'qemu-aarch64'])
  journal.add('boot-started', { board: 'juno', attempt: 1 }).add('boot-ended', {
    board: 'juno',
    verdict: 'error',
    kernel: null,
    durationMs: 180_000,
    failure: { kind: 'board', message: 'juno did not boot within 180 s', hint: 'Look at console/juno.log.' },
  })
  journal.open('qemu-aarch64').plan('qemu-aarch64', 'smoke', ['loads'])
  journal.test('qemu-aarch64', 'smoke', 'loads', journal.cycle.bind(journal))
  return journal.runner('juno', 1, 'juno did not boot').runner('qemu-aarch64').end('error')
}

/** A chain of `cycles` kexecs whose memory shrinks by 512 KiB each; every tenth fails. */
export function stressRun(cycles = 40): JournalEvent[] {
  const journal = new JournalBuilder().start(['juno']).open('juno').plan('juno', 'stress', ['chain'])
  journal.test(
    'juno',
    'stress',
    'chain',
    (test) => {
      for (let index = 1; index <= cycles; index++) {
        const failed = index % 10 === 0
        journal.cycle(test, {
          verdict: failed ? 'failed' : 'passed',
          memAvailableKiB: 1_900_000 - 512 * index,
          phases: { ...fast, gapMs: 124 + (index % 3) },
          ...(failed
            ? { failure: { kind: 'kexec', message: 'panic' }, diagnosis: diagnosisOf({ kind: 'panic' }) }
            : {}),
        })
      }
    },
    { verdict: 'failed', failure: { kind: 'kexec', message: '4 of 40 cycles failed' } },
  )
  return journal.runner('juno', 1).end('failed')
}

/** Compared with a baseline in which shutdown was faster, by a board whose owner writes hostile text. */
function comparedRun(): JournalEvent[] {
  const journal = new JournalBuilder().start(['juno']).open('juno').plan('juno', 'timing', ['times'])
  const gapsMs = [124, 125, 123, 126, 122, 127, 121, 128]
  journal.test('juno', 'timing', 'times', (test) => {
    for (const gapMs of gapsMs) journal.cycle(test, { phases: { ...fast, gapMs, shutdownMs: 300 + gapMs } })
  })
  journal.add('baseline-consulted', {
    board: 'juno',
    thresholds: { share: 0.05, ms: 20 },
    groups: [
      {
        conditions: {
          ...{ suite: 'timing', accelerator: 'tcg', kernel: '6.1 cloud-arm64', loader: 'kexec-tools' },
          ...{ syscall: 'kexec_load', checks: true, noIfdown: false, entry: null, append: '' },
        },
        runs: [{ run: hostileText, startedAt: null, values: { gapMs: gapsMs, shutdownMs: gapsMs } }],
      },
    ],
    allowed: [],
    slowSince: [],
  })
  return journal.runner('juno').end('failed')
}

export const allRuns: Record<string, () => JournalEvent[]> = {
  passedRun,
  hostileRun,
  killedRun,
  crashedRunner,
  deadBoard,
  stressRun,
  observedRun,
  comparedRun,
  emptyJournal: () => [],
  usageError: () =>
    new JournalBuilder().start([]).end('error', {
      exitStatus: 2,
      failure: { kind: 'usage', message: 'no board "jnuo"', hint: 'Did you mean juno?' },
    }),
}
