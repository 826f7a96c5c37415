import test from 'ava'
import { baudOf, type ConsoleConfig, connectTo, consoleTypes, type LineConfig, paceOf } from './transports.ts'

const written = [
  { type: 'qemu' },
  { type: 'serial', path: '/dev/ttyUSB0' },
  {
    type: 'serial',
    path: '/dev/ttyUSB0',
    baud: 9600,
    flowControl: 'rtscts',
    pace: { bytes: 1, every: '5ms' },
  },
  { type: 'tcp', host: 'rack1', port: 2001 },
  { type: 'telnet', host: '192.0.2.7', port: 2001, baud: 9600 },
  { type: 'ssh', host: 'rack1', user: 'lab', command: ['console', '-f', 'juno'] },
  { type: 'ipmi-sol', host: 'bmc1', user: 'lab', password: { env: 'BMC_PASSWORD' } },
  { type: 'command', command: ['console', '-f', 'juno'] },
]

test('what is parsed can be parsed again, and every type has a way to connect', async (t) => {
  for (const section of written) {
    const config = consoleTypes.parse(section)
    t.deepEqual(consoleTypes.parse(config), config)
    if (config.type !== 'qemu') t.is(typeof (await connectTo(config)), 'function')
  }
  t.deepEqual(
    new Set(written.map(({ type }) => type)),
    new Set(consoleTypes.options.map((option) => option.shape.type.value)),
  )
})

test('input is paced by what the descriptor says, else by the speed of a serial line', (t) => {
  const config = (section: object) =>
    consoleTypes.parse(section) as Exclude<ConsoleConfig, { type: 'qemu' }> as LineConfig
  t.deepEqual(paceOf(config(written[1]!)), { bytes: 16, intervalMs: 2 })
  t.deepEqual(paceOf(config(written[2]!)), { bytes: 1, intervalMs: 5 })
  t.is(paceOf(config(written[3]!)), undefined)
  t.deepEqual(paceOf(config(written[4]!)), { bytes: 16, intervalMs: 17 })
  t.is(baudOf(config(written[4]!)), 9600)
  t.is(baudOf(config(written[7]!)), undefined)
})

test('options of a command line and secrets in the open are refused', (t) => {
  const refuse = (section: object) => t.false(consoleTypes.safeParse(section).success)
  refuse({ type: 'ssh', host: '-oProxyCommand=x', command: ['cat'] })
  refuse({ type: 'tcp', host: '-x', port: 1 })
  refuse({ type: 'ipmi-sol', host: 'bmc1', user: 'lab', password: 'hunter2' })
  refuse({ type: 'serial', path: '/dev/ttyUSB0\n' })
})
