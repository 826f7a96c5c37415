import { execFileSync } from 'node:child_process'
import test from 'ava'
import { type EngineState, isBusMaster, type RegisterValues } from './family.ts'
import { families, familyOf, registerTable } from './index.ts'

/** What families these devices belong to; ids as lspci -n shows them. */
const devices: Record<string, string> = {
  '1af4:1001:010000': 'virtio',
  '1af4:1041:020000': 'virtio',
  '1af4:1110:050000': 'generic', // ivshmem, which is no virtio device
  '8086:2922:010601': 'ahci',
  '8086:2922:010400': 'generic', // the same chip in RAID mode
  '1b36:0010:010802': 'nvme',
  '8086:100e:020000': 'e1000',
  '8086:10d3:020000': 'e1000',
  '8086:10fb:020000': 'generic', // 82599, whose registers are elsewhere
  '1b36:000d:0c0330': 'xhci',
  '8086:293a:0c0320': 'generic', // EHCI
  '1234:11e8:00ff00': 'edu',
  '8086:29c0:060000': 'generic',
}

function familyNameOf(id: string): string {
  const [vendor, device, classCode] = id.split(':').map((word) => Number.parseInt(word, 16))
  return familyOf({ vendor: vendor!, device: device!, classCode: classCode! }).name
}

function judge(name: string, values: RegisterValues): EngineState {
  return families.find((one) => one.name === name)!.judge(values)
}

for (const [id, name] of Object.entries(devices)) {
  test(`${id} is of the family ${name}`, (t) => t.is(familyNameOf(id), name))
}

test('a shell that reads the table finds the same families', (t) => {
  const script = `
    set -f
    for id in ${Object.keys(devices).join(' ')}; do
      while read -r family pattern registers; do
        case $id in $pattern) echo "$id $family"; break ;; esac
      done <<'END'
${registerTable()}END
    done`
  const found = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim().split('\n')
  t.deepEqual(
    found,
    Object.entries(devices).map(([id, name]) => `${id} ${name}`),
  )
})

test('each line of the table has registers in the form that it promises', (t) => {
  for (const line of registerTable().trimEnd().split('\n')) {
    const [family, , ...registers] = line.split(' ')
    t.truthy(families.find(({ name }) => name === family))
    for (const register of registers)
      t.regex(register, /^[A-Za-z]\w*,[0-5],\d+,(8|16|32),(-|caplength|virtio-common)$/)
  }
})

/** Family, what is seen, its registers in their order; whether it runs, runs for wake-up, and was not reset. */
const judged: [string, string, number[], boolean, boolean, boolean][] = [
  ['virtio', 'a reset device', [0, 0, 0, 0], false, false, false],
  ['virtio', 'a device at work', [0xf, 1, 0x7f36000, 0], true, false, true],
  // 6.12 clears bus mastering and resets nothing; QEMU then takes DRIVER_OK back.
  ['virtio', 'a device that keeps its ring', [0xb, 1, 0x7f36000, 0], false, false, true],
  ['virtio', 'a ring above 4 GiB', [0, 0, 0, 1], false, false, true],
  ['ahci', 'idle ports', [0x80000000, 6, 6, 6, 6, 6, 6], false, false, false],
  ['ahci', 'a port that receives FISes', [0x80000000, 6, 0x4016, 6, 6, 6, 6], true, false, true],
  ['ahci', 'a port that runs its list', [0x80000002, 6, 6, 6, 6, 6, 0xc017], true, false, true],
  ['ahci', 'interrupts left on', [0x80000002, 6, 6, 6, 6, 6, 6], false, false, true],
  ['nvme', 'a controller at work', [0x460001, 0x1], true, false, true],
  ['nvme', 'a controller that was shut down', [0x464001, 0x9], false, false, true],
  ['nvme', 'a shutdown that is going on', [0x464001, 0x5], true, false, true],
  ['nvme', 'a controller that is off', [0x460000, 0x0], false, false, false],
  ['e1000', 'a reset card', [0, 0, 0, 0, 0], false, false, false],
  ['e1000', 'a card that receives', [0x48022, 0, 0x1000, 0, 0], true, false, true],
  ['e1000', 'a card that only sends', [0, 0xa, 0, 0, 0], true, false, true],
  ['e1000', 'a card that waits for its wake-up', [0x48002, 0, 0, 2, 0x2], true, true, true],
  ['e1000', 'filters without a receiver', [0, 0, 0, 2, 0x2], false, false, false],
  ['xhci', 'a halted controller', [0, 1, 0], false, false, false],
  ['xhci', 'a halted controller with contexts', [0, 1, 0x3ffdfd80], false, false, true],
  ['xhci', 'a controller that runs', [5, 0, 0x3ffdfd80], true, false, true],
  ['xhci', 'a controller that has not halted yet', [0, 0, 0], true, false, true],
  ['edu', 'an idle device', [0, 0, 0], false, false, false],
  ['edu', 'a transfer', [0, 0, 0x3], true, false, true],
  ['edu', 'a pending interrupt', [0, 0x100, 0x2], true, false, true],
  ['edu', 'a factorial with an interrupt at its end', [0x81, 0, 0], true, false, true],
  ['edu', 'a factorial without one', [0x01, 0, 0], false, false, false],
]

for (const [name, title, numbers, running, waking, notReset] of judged) {
  test(`${name}: ${title}`, (t) => {
    const { registers } = families.find((one) => one.name === name)!
    const state = judge(name, Object.fromEntries(registers.map((one, index) => [one.name, numbers[index]!])))
    t.like(state, { running, waking, notReset })
    t.true(state.facts.length > 0)
  })
}

test('a fact names the bit and the value that it rests on', (t) => {
  const { facts } = judge('e1000', { RCTL: 0x48022, TCTL: 0, RDBAL: 0, WUC: 0, WUFC: 0 })
  t.deepEqual(facts, ['RCTL.EN is 1 (RCTL 0x00048022)', 'TCTL.EN is 0 (TCTL 0x00000000)'])
})

for (const { name, registers } of families.filter((one) => one.registers.length > 0)) {
  test(`${name}: what could not be read is not judged`, (t) => {
    const values = Object.fromEntries(registers.map((register) => [register.name, 0]))
    const last = registers.at(-1)!.name
    const { running, facts } = judge(name, { ...values, [last]: null })
    t.is(running, null)
    t.deepEqual(facts, [`${last} could not be read`])
    t.is(judge(name, {}).running, null)
  })

  test(`${name}: a device that reads all ones is not judged`, (t) => {
    const values = Object.fromEntries(registers.map((one) => [one.name, 2 ** one.width - 1]))
    const { running, facts } = judge(name, values)
    t.is(running, null)
    t.regex(facts[0]!, /all ones/)
  })
}

test('bus mastering is bit 2 of the command register', (t) => {
  const device = { address: '0000:00:01.0', vendor: 1, device: 1, classCode: 1 }
  t.true(isBusMaster({ ...device, command: 0x0107 }))
  t.false(isBusMaster({ ...device, command: 0x0103 }))
})
