import test from 'ava'
import { parseProbeLine } from './probe-line.ts'

const line =
  'HARNESS PCI 0000:00:04.0 8086:10d3 020000 command=0103 driver=- family=e1000 RCTL=0x00048022 TCTL=- WUC=0x0000000A'

const device = {
  address: '0000:00:04.0',
  vendor: 0x8086,
  device: 0x10d3,
  classCode: 0x020000,
  command: 0x0103,
  family: 'e1000',
  driver: null,
  registers: { RCTL: 0x48022, TCTL: null, WUC: 10 },
}

test('a device is read, with and without a printk stamp', (t) => {
  t.deepEqual(parseProbeLine(line), device)
  t.deepEqual(parseProbeLine(`[   10.841364] ${line}`), device)
  t.deepEqual(parseProbeLine(`[    3.141592][    T1] ${line}\r`), device)
})

test('a bound device names its driver', (t) => {
  const bound =
    '[ 1.0] HARNESS PCI 0000:00:03.0 1b36:0010 010802 command=0507 driver=nvme family=nvme CC=- CSTS=-'
  t.is(parseProbeLine(bound), undefined, 'printk has six digits after the point')
  t.like(parseProbeLine(bound.replace('1.0]', '1.000000]')), {
    driver: 'nvme',
    registers: { CC: null, CSTS: null },
  })
})

test('a device without registers, and the end', (t) => {
  t.like(parseProbeLine('HARNESS PCI 0000:00:1f.0 8086:2918 060100 command=0103 driver=- family=generic'), {
    registers: {},
  })
  t.deepEqual(parseProbeLine('[   12.004360] HARNESS PCI END count=12'), { end: 12 })
})

const damaged: Record<string, string> = {
  nothing: '',
  'another line': 'HARNESS READY 6.1.0-56-cloud-amd64',
  'the echo of a command': `# echo '${line}'`,
  'a cut line': line.slice(0, 40),
  'a value without digits': line.replace('0x00048022', '0x'),
  'a value that is too long': line.replace('0x00048022', '0x100048022'),
  'a value that is no number': line.replace('0x00048022', '0xZZ'),
  'a name that comes twice': `${line} RCTL=0x00000000`,
  'a name from the prototype': `${line} __proto__=0x00000000`,
  'an address that no bus has': line.replace('00:04.0', '00:20.0'),
  'a kernel message in the middle': line.replace('TCTL', '[    1.000000] random: crng init done TCTL'),
  'an end without a number': 'HARNESS PCI END count=',
  'an end that goes on': 'HARNESS PCI END count=7 8',
}

for (const [title, text] of Object.entries(damaged)) {
  test(`${title} is no line of the probe`, (t) => t.is(parseProbeLine(text), undefined))
}

test('a hostile console costs no time', (t) => {
  t.is(parseProbeLine(`[${' '.repeat(1_000_000)}`), undefined)
  t.is(parseProbeLine(`${line}${' A=-'.repeat(200_000)}`), undefined)
  t.is(parseProbeLine(`${line}${' '.repeat(800)}x`), undefined)
  t.is(parseProbeLine(`HARNESS PCI ${'0'.repeat(1000)}`), undefined)
})
