import test from 'ava'
import type { ObservedFinding } from '../../detect/handover-findings.ts'
import { canaryFindings } from './canary.ts'

const intact = { address: 0x3f000000, sizeBytes: 65_536, changed: [], changedLines: 0 }
const touched = { ...intact, changedLines: 128, changed: ['3f000000: 0000000000000000 0000000000000000'] }
const suspect = (device: string): ObservedFinding => ({
  ...{ id: 'dma-left-active', severity: 'error', phase: 'handover', device, driver: 'edu', cpu: null },
  ...{ confidence: 'seen', evidence: ['bus mastering is on'], advice: '' },
})

test('a region as it was left is no finding', (t) => {
  t.deepEqual(canaryFindings(intact, [suspect('0000:00:05.0')]), [])
})

test('the one device that masters the bus is named, as likely', (t) => {
  const [finding] = canaryFindings(touched, [suspect('0000:00:05.0')])
  t.like(finding, { id: 'dma-after-bye', device: '0000:00:05.0', driver: 'edu', confidence: 'inferred' })
  t.regex(finding!.evidence[0]!, /64 KiB at 0x3f000000.*128 of 4096 lines differ/)
})

test('of two that master the bus neither is named', (t) => {
  const [finding] = canaryFindings(touched, [suspect('0000:00:05.0'), suspect('0000:00:06.0')])
  t.like(finding, { device: null, driver: null, confidence: 'seen' })
})
