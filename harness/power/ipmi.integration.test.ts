import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { execa } from 'execa'
import { freePort } from '../../qemu/rig/daemon.ts'
import { LabError } from '../errors.ts'
import { openPower } from './control.ts'
import { inTime, programOrSkip, startDaemon, temporaryFolder, writeScript } from './daemon-fixture.ts'
import { ipmiSchema } from './ipmi.ts'

const secret = "Bmc$pass'1"

/** ipmi_sim as a BMC whose chassis is a file. */
async function startBmc(
  t: ExecutionContext,
  program: string,
  ipmitool: string,
): Promise<{ folder: string; port: number }> {
  const folder = await temporaryFolder(t)
  const port = await freePort('udp')
  const power = join(folder, 'power')
  await writeFile(power, '0\n')
  // Called as: script MC get|set power [value]; see ipmi_lan(5).
  const chassis = await writeScript(
    folder,
    'chassis',
    `#!/bin/sh\ntest "$3" = power || exit 1\ncase $2 in get) echo power:$(cat ${power});; set) echo $4 >${power};; esac\n`,
  )
  const auths = ['callback', 'user', 'operator', 'admin'].map(
    (level) => `allowed_auths_${level} none md2 md5 straight`,
  )
  await writeFile(
    join(folder, 'lan.conf'),
    [
      ...['name "bmc"', 'set_working_mc 0x20', 'startlan 1', `addr 127.0.0.1 ${port}`, 'priv_limit admin'],
      ...auths,
      ...['guid a123456789abcdefa123456789abcdef', 'endlan', `chassis_control "${chassis} 0x20"`],
      'user 1 true "" "test" user 10 none md2 md5 straight',
      `user 2 true "lab" "${secret}" admin 10 none md2 md5 straight`,
      '',
    ].join('\n'),
  )
  await writeFile(
    join(folder, 'bmc.emu'),
    [
      ...['mc_setbmc 0x20', 'mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr'],
      ...['sel_enable 0x20 1000 0x0a', 'mc_enable 0x20', ''],
    ].join('\n'),
  )
  await mkdir(join(folder, 'state'))
  const files = ['-c', join(folder, 'lan.conf'), '-f', join(folder, 'bmc.emu'), '-s', join(folder, 'state')]
  const login = ['-I', 'lan', '-H', '127.0.0.1', '-p', String(port), '-U', 'lab', '-E', '-N', '1', '-R', '1']
  const probe = () =>
    execa(ipmitool, [...login, 'mc', 'info'], { env: { IPMI_PASSWORD: secret }, reject: false })
  const ready = async () => !(await probe()).failed
  await startDaemon(t, { command: [program, '-n', '-d', ...files], ready })
  return { folder, port }
}

for (const how of [{ interface: 'lan' }, { interface: 'lanplus', cipherSuite: 3 }]) {
  test(`a BMC of ipmi_sim over ${how.interface}: on, off, state; a wrong password is told without it`, async (t) => {
    const program = await programOrSkip(t, { program: 'ipmi_sim', packages: ['openipmi'] })
    const ipmitool = await programOrSkip(t, { program: 'ipmitool', packages: ['ipmitool'] })
    if (program === undefined || ipmitool === undefined) return t.pass()
    const { folder, port } = await startBmc(t, program, ipmitool)
    const file = join(folder, 'password')
    await writeFile(file, `${secret}\n`, { mode: 0o600 })
    const config = ipmiSchema.parse({
      ...{ type: 'ipmi', host: '127.0.0.1', port, user: 'lab', password: { file }, ...how },
      ...{ offDwell: '10ms', retries: 0 },
    })
    await using power = await openPower('x86', config)
    t.is(await power.state(inTime()), 'off')
    await power.cycle(inTime())
    t.is(await power.state(inTime()), 'on')
    t.is((await readFile(join(folder, 'power'), 'utf8')).trim(), '1')
    await power.off(inTime())
    t.is((await readFile(join(folder, 'power'), 'utf8')).trim(), '0')

    await writeFile(file, 'Guessed word\n')
    await using stranger = await openPower('x86', config)
    const error = await t.throwsAsync(stranger.on(inTime()), { instanceOf: LabError })
    t.log(error?.message)
    t.regex(
      error?.message ?? '',
      /^the relay of x86 did not switch on: the BMC at 127\.0\.0\.1:\d+: ipmitool failed/,
    )
    t.notRegex(`${error?.stack}${(error?.cause as Error | undefined)?.stack}`, /Guessed|Bmc.?pass/)
  })
}
