import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { freePort } from '../../qemu/rig/daemon.ts'
import { LabError } from '../errors.ts'
import { openPower } from './control.ts'
import { inTime, programOrSkip, startDaemon, temporaryFolder, writeScript } from './daemon-fixture.ts'
import { pdus } from './pdus.ts'
import { snmpSchema } from './snmp.ts'

process.env.SNMP_TEST_COMMUNITY = 'rack write'
process.env.SNMP_TEST_AUTH = 'authentic-1'
process.env.SNMP_TEST_PRIVACY = 'private-one'
const community = { env: 'SNMP_TEST_COMMUNITY' }

/** snmpd's pass_persist protocol (snmpd.conf(5)): outlet 5 of an APC PDU, whose state is a file. */
const outlet = (oid: string, file: string) => `#!/bin/sh
while read -r command; do
  case $command in
    PING) echo PONG ;;
    get)
      read -r oid
      if [ "$oid" = .${oid}.5 ]; then echo "$oid"; echo integer; cat ${file}; else echo NONE; fi ;;
    getnext) read -r oid; echo NONE ;;
    set)
      read -r oid; read -r type value
      if [ "$oid" = .${oid}.5 ]; then echo "$value" >${file}; echo DONE; else echo not-writable; fi ;;
  esac
done
`

async function startAgent(t: ExecutionContext, snmpd: string): Promise<{ port: number; file: string }> {
  const folder = await temporaryFolder(t)
  const port = await freePort('udp')
  const file = join(folder, 'outlet')
  await writeFile(file, '2\n')
  const oid = pdus.apc.oid
  const script = await writeScript(folder, 'pdu', outlet(oid, file))
  const configuration = [
    `agentaddress udp:127.0.0.1:${port}`,
    `rwcommunity "${process.env.SNMP_TEST_COMMUNITY}" 127.0.0.1`,
    'rocommunity public 127.0.0.1',
    `createUser lab SHA "${process.env.SNMP_TEST_AUTH}" AES "${process.env.SNMP_TEST_PRIVACY}"`,
    'rwuser lab priv',
    `pass_persist .${oid} ${script}`,
    '',
  ]
  await writeFile(join(folder, 'snmpd.conf'), configuration.join('\n'), { mode: 0o600 })
  await mkdir(join(folder, 'state'))
  await startDaemon(t, {
    command: [snmpd, '-f', '-Lo', '-r', '-C', '-c', join(folder, 'snmpd.conf'), '-I', '-smux'],
    env: { SNMP_PERSISTENT_DIR: join(folder, 'state') },
    ready: /NET-SNMP version/,
  })
  return { port, file }
}

test('an outlet with the objects of an APC PDU, in snmpd: versions 1, 2c and 3', async (t) => {
  const snmpd = await programOrSkip(t, { program: 'snmpd', packages: ['snmpd'] })
  if (snmpd === undefined) return t.pass()
  const { port, file } = await startAgent(t, snmpd)
  const isOn = async () => (await readFile(file, 'utf8')).trim() === '1'
  const common = { type: 'snmp', host: 'localhost', port, outlet: 5, offDwell: '10ms', retries: 0 }
  const user = {
    name: 'lab',
    auth: { protocol: 'sha', password: { env: 'SNMP_TEST_AUTH' } },
    privacy: { protocol: 'aes', password: { env: 'SNMP_TEST_PRIVACY' } },
  }
  for (const how of [{ community }, { version: '1', community }, { version: '3', user }]) {
    const config = snmpSchema.parse({ ...common, host: '127.0.0.1', ...how })
    await using power = await openPower('rpi4', config)
    await power.on(inTime())
    t.true(await isOn())
    t.is(await power.state(inTime()), 'on')
    await power.off(inTime())
    t.false(await isOn())
  }

  const refusals = async (extra: object) => {
    await using power = await openPower('rpi4', snmpSchema.parse({ ...common, host: '127.0.0.1', ...extra }))
    const error = await t.throwsAsync(power.on(inTime()), { instanceOf: LabError })
    t.notRegex(String(error?.stack), /rack write|authentic|private-one/)
    return error?.message ?? ''
  }
  t.regex(await refusals({}), /outlet 5 refused: NoAccess/)
  t.regex(await refusals({ community, outlet: 6 }), /outlet 6 refused: NotWritable/)
  t.regex(await refusals({ community: { env: 'SNMP_TEST_AUTH' } }), /outlet 5 did not answer \(1 attempt/)
  t.false(await isOn())
})
