import test from 'ava'
import type { DeviceState } from '../devices/family.ts'
import type { Binding } from './binding.ts'
import { type DeviceReading, disagreements, handoverFindings } from './handover-findings.ts'

const edu: DeviceState = {
  address: '0000:00:05.0',
  ...{ vendor: 0x1234, device: 0x11e8, classCode: 0x00ff00, command: 0x0103 },
  family: 'edu',
  registers: { status: 0, irq_status: 0, dma_command: 0 },
  driver: null,
}
const bridge: DeviceState = {
  ...edu,
  ...{ address: '0000:00:1f.0', vendor: 0x8086, device: 0x2918, classCode: 0x060100, command: 0x0107 },
  ...{ family: 'generic', registers: {} },
}
const network: DeviceState = {
  ...edu,
  ...{ address: '0000:00:03.0', vendor: 0x8086, device: 0x10d3, classCode: 0x020000 },
  family: 'e1000',
  registers: { RCTL: 0, TCTL: 0, RDBAL: 0, WUC: 0, WUFC: 0 },
}
const bound: Binding[] = [
  { device: edu.address, driver: 'edu_bad', inner: [] },
  { device: network.address, driver: 'e1000e', inner: [] },
  { device: bridge.address, driver: 'lpc_ich', inner: [] },
]

const at = (method: DeviceReading['method'], ...devices: DeviceState[]): DeviceReading => ({
  method,
  devices,
})
const found = (reading: DeviceReading, control: DeviceState[] = [], bindings = bound) =>
  handoverFindings({ bindings, control, readings: [reading] })

test('quiet devices give no finding, nor does a bridge that masters the bus', (t) => {
  t.deepEqual(found(at('breakpoint', edu, network, bridge)), [])
})

test('bus mastering that a bound driver left on names device and driver', (t) => {
  const [finding, ...others] = found(at('breakpoint', { ...edu, command: 0x0107 }))
  t.deepEqual(others, [])
  t.like(finding, {
    id: 'dma-left-active',
    severity: 'error',
    device: '0000:00:05.0',
    driver: 'edu_bad',
    confidence: 'seen',
  })
  t.regex(finding!.evidence[0]!, /bus mastering is on at purgatory's entry \(command 0x0107\)/)
})

test('what only the new kernel saw is inferred', (t) => {
  t.is(found(at('probe', { ...edu, command: 0x0107 }))[0]!.confidence, 'inferred')
})

test('bus mastering that firmware left on a device without driver is no finding, unless it was off before', (t) => {
  const mastering = { ...edu, command: 0x0107 }
  t.deepEqual(found(at('breakpoint', mastering), [mastering], []), [])
  t.deepEqual(found(at('breakpoint', mastering), [], []), [])
  const [changed] = found(at('breakpoint', mastering), [edu], [])
  t.like(changed, { id: 'dma-left-active', driver: null })
})

test('an engine that runs is an error even without bus mastering, and is none where firmware left it so', (t) => {
  const receiving = { ...network, registers: { ...network.registers, RCTL: 0x8002 } }
  t.like(found(at('breakpoint', receiving))[0], {
    id: 'engine-left-running',
    severity: 'error',
    driver: 'e1000e',
  })
  t.deepEqual(found(at('breakpoint', receiving), [receiving]), [])
})

test('a card that is armed for wake-up is only mentioned', (t) => {
  const armed = { ...network, registers: { ...network.registers, RCTL: 0x8002, WUFC: 2 } }
  const findings = found(at('breakpoint', armed))
  t.deepEqual(
    findings.map(({ id, severity }) => [id, severity]),
    [['not-reset', 'info']],
  )
})

test("a device that the new kernel's own driver has is not judged by the probe", (t) => {
  t.deepEqual(found(at('probe', { ...edu, command: 0x0107, driver: 'built_in' })), [])
})

test('the surer of two readings counts, and a device that only the other has is not lost', (t) => {
  const readings = [
    at('breakpoint', edu),
    at('probe', { ...edu, command: 0x0107 }, { ...network, command: 7 }),
  ]
  const findings = handoverFindings({ bindings: bound, control: [], readings })
  t.deepEqual(
    findings.map(({ device }) => device),
    [network.address],
  )
})

test('a register that could not be read is no finding', (t) => {
  const unreadable = { status: null, irq_status: null, dma_command: null }
  t.deepEqual(found(at('probe', { ...edu, registers: unreadable })), [])
})

test('two readings that differ are told, each with its source', (t) => {
  const mastering = { ...edu, command: 0x0107, registers: { ...edu.registers, dma_command: 1 } }
  t.deepEqual(disagreements(at('breakpoint', edu, network), at('probe', edu, network)), [])
  const told = disagreements(at('breakpoint', mastering), at('probe', edu))
  t.is(told.length, 2)
  t.regex(told[0]!, /command 0x0107 by breakpoint, 0x0103 by probe/)
  t.deepEqual(disagreements(at('breakpoint', mastering), at('probe', { ...edu, driver: 'built_in' })), [])
})
