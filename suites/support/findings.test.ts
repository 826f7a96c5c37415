import test from 'ava'
import type { Descriptor } from '../../harness/board/descriptor.ts'
import type { Hit } from '../../harness/detect/detector.ts'
import type { ObservedFinding } from '../../harness/detect/handover-findings.ts'
import type { SessionCycle } from '../../harness/kexec/session.ts'
import { failureOf, findingsOf } from './findings.ts'

const descriptor = { name: 'board', allow: [] } as unknown as Descriptor

const ipi: ObservedFinding = {
  ...{ id: 'offline-cpu-ipi', severity: 'error', phase: 'shutdown', device: null, driver: null, cpu: 1 },
  ...{ confidence: 'seen', evidence: ['CPU0 → CPU1'], advice: '' },
}
const hit = {
  signature: { id: 'offline-cpu-ipi', severity: 'warning', meaning: '', advice: '' },
  ...{ phase: 'shutdown', device: null, driver: 'bad_module', cpu: 1, message: 'sched: Unexpected' },
  lines: ['sched: Unexpected reschedule of offline CPU#1!'],
} as unknown as Hit

const cycle = (more: Partial<SessionCycle>): SessionCycle =>
  ({ proven: true, phases: {}, hits: [], newHits: [], observed: [], generation: 1, ...more }) as SessionCycle

test('what console and observer both saw is one finding, the more severe, with both their evidence', (t) => {
  const findings = findingsOf(cycle({ newHits: [hit], observed: [ipi] }), descriptor)
  t.is(findings.length, 1)
  t.like(findings[0], { id: 'offline-cpu-ipi', severity: 'error', driver: 'bad_module', cpu: 1 })
  t.deepEqual(findings[0]!.evidence, ['CPU0 → CPU1', 'sched: Unexpected reschedule of offline CPU#1!'])
  t.regex(failureOf(findings)!.message, /^offline-cpu-ipi: bad_module: CPU0 → CPU1$/)
})

test('a finding that the owner allows fails nothing, until its last day', (t) => {
  const allow = (until: string) =>
    ({
      ...descriptor,
      allow: [{ signature: 'offline-cpu-ipi', until, owner: 'me', why: 'known' }],
    }) as Descriptor
  const observed = cycle({ observed: [ipi] })
  t.is(failureOf(findingsOf(observed, allow('2999-01-01'))), undefined)
  t.truthy(failureOf(findingsOf(observed, allow('2020-01-01'))))
})

test('an allowance for one driver is none for another', (t) => {
  const allow = { signature: 'offline-cpu-ipi', until: '2999-01-01', owner: 'me', why: 'known' }
  const board = (driver: string) => ({ ...descriptor, allow: [{ ...allow, driver }] }) as Descriptor
  const observed = cycle({ newHits: [hit], observed: [ipi] })
  t.is(failureOf(findingsOf(observed, board('bad_module'))), undefined)
  t.truthy(failureOf(findingsOf(observed, board('another'))))
})

test('a hang is blamed on the device whose shutdown did not come back, and on none that did', (t) => {
  const hang = (durationMs: number | null) =>
    cycle({
      proven: false,
      diagnosis: {
        kind: 'hang-in-shutdown',
        summary: '',
        confidence: 'inferred',
        evidence: [],
        lastLines: [],
      },
      evidence: {
        ...{ bindings: [], control: [], notes: [] },
        shutdown: {
          ...{ devices: [], withoutShutdown: [], ipis: [], offlineWarnings: [] },
          last: { device: '0000:00:01.0', driver: 'edu', startS: 1, durationMs, hasShutdown: true },
        },
      },
    })
  t.like(findingsOf(hang(null), descriptor)[0], { device: '0000:00:01.0', driver: 'edu' })
  const [later] = findingsOf(hang(3), descriptor)
  t.like(later, { device: null, driver: null })
  t.regex(later!.evidence.join('\n'), /every shutdown\(\) had come back/)
})
