import test from 'ava'
import { loadCatalogue } from './catalogue.ts'
import { normalize, onlyNew, toFindings } from './compare.ts'
import { Detector } from './detector.ts'

const signatures = await loadCatalogue()

function hitsOf(...lines: string[]) {
  const detector = new Detector({ signatures, arch: 'x86_64' })
  for (const text of lines) detector.line({ text, atNs: 1n, cut: false }, 'probe')
  return detector.finish()
}

test('what varies from boot to boot does not make a message new', (t) => {
  const cold = hitsOf(
    '[    7.501233] WARNING: CPU: 1 PID: 212 at net/sched/sch_generic.c:525 dev_watchdog+0x20c/0x220',
  )
  const warm = hitsOf(
    '[   11.100000] WARNING: CPU: 0 PID: 99 at net/sched/sch_generic.c:525 dev_watchdog+0x20c/0x220',
  )
  t.deepEqual(onlyNew(warm, cold), [])
})

test('a message of another place or device is new', (t) => {
  const cold = hitsOf('e1000e: probe of 0000:00:04.0 failed with error -5')
  const warm = hitsOf(
    'e1000e: probe of 0000:00:04.0 failed with error -5',
    'e1000e: probe of 0000:00:05.0 failed with error -5',
  )
  t.deepEqual(
    onlyNew(warm, cold).map(({ device }) => device),
    ['0000:00:05.0'],
  )
})

test('more of the same than on the cold boot is new', (t) => {
  const cold = hitsOf('irq 16: nobody cared')
  const warm = hitsOf(
    'irq 16: nobody cared',
    'Disabling IRQ #16',
    'irq 17: nobody cared',
    'Disabling IRQ #17',
  )
  t.is(onlyNew(warm, cold).length, 1)
  t.is(onlyNew(cold, warm).length, 0)
})

test('normalize leaves words and PCI addresses', (t) => {
  t.is(
    normalize(
      '[    1.500000][    T1] nvme 0000:00:04.0: I/O 12 timeout after 30s at 0xdeadbeef, ffff888003b4a0c8 on CPU#3',
    ),
    'nvme 0000:00:04.0: I/O # timeout after #s at #, # on CPU##',
  )
  t.is(normalize('deface the facade'), 'deface the facade')
})

test('findings come worst first, with repeats counted, in the words of the signature', (t) => {
  const hits = hitsOf(
    'swiotlb buffer is full (1)',
    'swiotlb buffer is full (2)',
    'swiotlb buffer is full (3)',
    'Kernel panic - not syncing: x',
  )
  const findings = toFindings(hits, { board: 'qemu-x86_64', generation: 3 })
  t.deepEqual(
    findings.map(({ id, severity }) => [id, severity]),
    [
      ['kernel-panic', 'fatal'],
      ['swiotlb-full', 'error'],
    ],
  )
  const { meaning, advice } = signatures.find(({ id }) => id === 'swiotlb-full')!
  t.deepEqual(findings[1]!, {
    id: 'swiotlb-full',
    severity: 'error',
    phase: 'probe',
    board: 'qemu-x86_64',
    generation: 3,
    device: null,
    driver: null,
    cpu: null,
    confidence: 'seen',
    evidence: ['swiotlb buffer is full (1)', 'and 2 more like it'],
    advice: `${meaning} ${advice}`,
  })
})
