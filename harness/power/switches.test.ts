import { readFile } from 'node:fs/promises'
import test from 'ava'
import { z } from 'zod'
import { UsageError } from '../errors.ts'
import { parseYaml } from '../yaml.ts'
import { openPower } from './control.ts'
import { powerTypes, type SwitchConfig } from './switches.ts'

const board = z.strictObject({ power: powerTypes }).meta({ title: 'board' })
const documentation = await readFile(new URL('../../docs/power.md', import.meta.url), 'utf8')
const examples = [...documentation.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) =>
  parseYaml(yaml, 'docs/power.md', board),
)

test('every switch has an example in the documentation that is right, and parses again as it is', (t) => {
  const shown = new Set<string>(examples.map(({ power }) => power.type))
  // These have pages of their own: docs/labgrid.md, docs/rig.md.
  const elsewhere = new Set<string>(['labgrid', 'rig'])
  const types = powerTypes.options.map((option) => option.shape.type.value)
  t.deepEqual(
    types.filter((type) => !elsewhere.has(type) && !shown.has(type)),
    [],
  )
  for (const { power } of examples) t.deepEqual(powerTypes.parse(JSON.parse(JSON.stringify(power))), power)
})

test('every example opens, with its secrets there, and nothing is asked of a device for that', async (t) => {
  const secrets = [
    'BMC_PASSWORD',
    'PDU_COMMUNITY',
    'PDU_AUTH',
    'PDU_PRIVACY',
    'PLUG_PASSWORD',
    'PDU_PASSWORD',
  ]
  for (const name of secrets) process.env[name] = 'a secret'
  for (const { power } of examples) {
    if (power.type === 'qemu' || power.type === 'redfish') continue
    await using opened = await openPower('juno', power as SwitchConfig)
    t.truthy(opened)
  }
  delete process.env.BMC_PASSWORD
  const ipmi = examples.find(({ power }) => power.type === 'ipmi')
  await t.throwsAsync(openPower('juno', ipmi?.power as SwitchConfig), {
    message:
      'the password of the BMC bmc-x86-7 is not there: the environment variable BMC_PASSWORD is not set',
  })
})

const wrong: [yaml: string, expected: RegExp][] = [
  ['{ type: ipmy, host: b }', /power\.type: found "ipmy" .*did you mean "ipmi"\?/],
  ['{ type: ipmi, host: b, user: u, password: hunter2 }', /power\.password: found "hunter2"/],
  ['{ type: pdudaemon, url: "http://u:p@h", hostname: r, port: 1 }', /holds a user or password/],
  ['{ type: lcus-1, path: /dev/ttyUSB0, relay: 9 }', /power\.relay: found 9/],
  ['{ type: lcus-1, path: /dev/ttyUSB0, offDwell: 5 s }', /power\.offDwell: found "5 s"/],
  ['{ type: usbrelay, relay: -d_1 }', /power\.relay: found "-d_1"/],
  ['{ type: gpio, chip: --mode=exit, line: 1 }', /power\.chip: found "--mode=exit"/],
  ['{ type: snmp, host: p, outlet: 1, version: "3" }', /version 3 needs a user/],
  ['{ type: snmp, host: p, outlet: 1, version: "1", user: { name: u } }', /has a community and no user/],
  ['{ type: command, on: [], off: [x] }', /power\.on: found/],
  ['{ type: command, on: relay on, off: [x] }', /power\.on: found "relay on"/],
  [
    '{ type: web, url: "http://p", on: [{ do: click }], off: [{ do: expect, text: x }] }',
    /power\.on\[0\]: needs one of role, text, label and selector/,
  ],
  [
    '{ type: web, url: "http://p", on: [{ do: fill, label: x }], off: [{ do: expect, text: x }] }',
    /power\.on\[0\]: needs either a value or a secret/,
  ],
  [
    '{ type: web, url: "http://p", on: [{ do: goto, path: //evil }], off: [{ do: expect, text: x }] }',
    /power\.on\[0\]\.path: found "\/\/evil"/,
  ],
  ['{ type: modbus, host: m, coil: 1, retries: 11 }', /power\.retries: found 11/],
]
for (const [yaml, expected] of wrong) {
  test(`wrong: ${yaml}`, (t) => {
    const error = t.throws(() => parseYaml(`power: ${yaml}\n`, 'b.yaml', board), { instanceOf: UsageError })
    t.regex(error?.message ?? '', expected)
  })
}
