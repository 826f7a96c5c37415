import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import test from 'ava'
import { freePort } from '../../../qemu/rig/daemon.ts'
import { LabError } from '../../errors.ts'
import { connectIpmiSol, type IpmiSolConfig, ipmiSolSchema } from './ipmi-sol.ts'
import { type Cable, closing, Ear, has, Lab, patient, until } from './loopback-fixture.ts'

const host = '127.0.0.1'
const password = 'hunter2-of-the-bmc'

/** OpenIPMI's simulated BMC; its serial-over-LAN leads to a serial cable. */
async function bmc(lab: Lab): Promise<{ config: IpmiSolConfig; cable: Cable }> {
  const cable = await lab.cable()
  const port = await freePort('udp')
  mkdirSync(lab.path('state'))
  const lan = lab.write(
    'lan.conf',
    `name "juno"
set_working_mc 0x20
  startlan 1
    addr ${host} ${port}
    priv_limit admin
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  sol "${cable.path}" 115200
  user 1 true "" "test" user 10 none md2 md5 straight
  user 2 true "lab" "${password}" admin 10 none md2 md5 straight
`,
  )
  const emulator = lab.write(
    'sim.emu',
    'mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nmc_enable 0x20\n',
  )
  lab.start('ipmi_sim', ['-n', '-d', '-c', lan, '-f', emulator, '-s', lab.path('state')])
  const config = ipmiSolSchema.parse({
    type: 'ipmi-sol',
    ...{
      host,
      port,
      user: 'lab',
      password: { file: lab.write('password', `${password}\n`) },
      cipherSuite: 3,
    },
  })
  return { config, cable }
}

/** Command lines of all processes that this user may read. */
function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      } catch {
        return ''
      }
    })
}

test('serial-over-LAN carries the console both ways, and its password is in no command line', async (t) => {
  if (!(await has(t, 'socat', 'ipmiSim', 'ipmitool'))) return
  await using lab = new Lab()
  const { config, cable } = await bmc(lab)
  const ear = new Ear()
  await using connection = closing(await connectIpmiSol(config)(ear, patient()))
  cable.say('hello from the board\r\n# ')
  await until(() => ear.text.endsWith('# '), 'what the board said')
  t.is(ear.text, 'hello from the board\r\n# ')
  const typed = `~.\r~B\r~~\r\n${'0123456789abcdef'.repeat(64)}\r`
  await connection.write(Buffer.from(typed))
  await until(() => cable.heard.length >= typed.length, 'what was typed')
  t.is(cable.heard.toString('latin1'), typed)
  const lines = commandLines()
  t.true(lines.some((line) => line.includes('ipmitool') && line.includes(String(config.port))))
  t.false(lines.some((line) => line.includes(password)))
  await connection.sendBreak!()
  cable.say('after the BREAK\r\n')
  await until(() => ear.text.endsWith('BREAK\r\n'), 'what the board said then')
  t.is(ear.text, 'hello from the board\r\n# after the BREAK\r\n')
})

test('a session that was left behind is taken over', async (t) => {
  if (!(await has(t, 'socat', 'ipmiSim', 'ipmitool'))) return
  await using lab = new Lab()
  const { config, cable } = await bmc(lab)
  const first = new Ear()
  await using _stale = closing(await connectIpmiSol(config)(first, patient()))
  const second = new Ear()
  await using _connection = closing(await connectIpmiSol(config)(second, patient()))
  cable.say('who hears this?\r\n')
  await until(() => second.text.includes('?'), 'what the board said')
  t.false(first.text.includes('?'))
})

test('a wrong password is an error of the lab that does not show it', async (t) => {
  if (!(await has(t, 'socat', 'ipmiSim', 'ipmitool'))) return
  await using lab = new Lab()
  const { config } = await bmc(lab)
  const wrong = { ...config, password: { file: lab.write('wrong', 'not-the-password') } }
  const error = await t.throwsAsync(connectIpmiSol(wrong)(new Ear(), patient()), { instanceOf: LabError })
  t.regex(error.message, /^no serial-over-LAN from the BMC 127\.0\.0\.1:\d+: Error: Unable to establish/)
  t.false(`${error.message} ${error.hint}`.includes('not-the-password'))
})
