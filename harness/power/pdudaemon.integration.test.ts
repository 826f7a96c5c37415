import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { freePort } from '../../qemu/rig/daemon.ts'
import { LabError } from '../errors.ts'
import { openPower } from './control.ts'
import { inTime, programOrSkip, startDaemon, temporaryFolder } from './daemon-fixture.ts'
import { pdudaemonSchema } from './pdudaemon.ts'

test('pdudaemon switches an outlet, with a dwell, and says why it does not know another PDU', async (t) => {
  const pdudaemon = await programOrSkip(t, { program: 'pdudaemon', packages: ['pdudaemon'] })
  if (pdudaemon === undefined) return t.pass()
  const folder = await temporaryFolder(t)
  const port = await freePort('tcp')
  const switched = join(folder, 'switched')
  const configuration = {
    daemon: { hostname: '127.0.0.1', port, logging_level: 'DEBUG', listener: 'http' },
    pdus: {
      rack1: {
        driver: 'localcmdline',
        cmd_on: `echo %s on $(date +%%s%%N) >>${switched}`,
        cmd_off: `echo %s off $(date +%%s%%N) >>${switched}`,
      },
    },
  }
  await writeFile(join(folder, 'pdudaemon.conf'), JSON.stringify(configuration))
  await startDaemon(t, {
    command: [pdudaemon, `--conf=${join(folder, 'pdudaemon.conf')}`],
    ready: /Listening on/,
  })

  const url = `http://127.0.0.1:${port}`
  const config = pdudaemonSchema.parse({
    ...{ type: 'pdudaemon', url, hostname: 'rack1', port: 3 },
    ...{ offDwell: '300ms', retries: 1, retryDelay: '10ms' },
  })
  const log: string[] = []
  await using power = await openPower('juno', config, (text) => log.push(text))
  await power.cycle(inTime())
  const lines = (await readFile(switched, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
  t.deepEqual(
    lines.map(([outlet, action]) => `${outlet} ${action}`),
    ['3 off', '3 on'],
  )
  t.true(Number(lines[1]?.[2]) - Number(lines[0]?.[2]) >= 300e6)
  t.is(await power.state(inTime()), 'unknown')
  const took = `pdudaemon at ${url}, port 3 of rack1 took it; it can not tell the state`
  t.deepEqual(log, [`power off: ${took}`, `power on: ${took}`])

  await using unknown = await openPower('juno', { ...config, hostname: 'rack2' })
  const error = await t.throwsAsync(unknown.on(inTime()), {
    instanceOf: LabError,
    message:
      /^the relay of juno did not switch on: pdudaemon at .*, port 3 of rack2 answered 500 .*\(2 attempts over /,
  })
  t.is(
    (error as LabError | undefined)?.hint,
    'Does pdudaemon\'s configuration have a PDU "rack2"? Its log says why.',
  )
})
