import test from 'ava'
import { LabError } from '../../errors.ts'
import { consoleOf, parseResources, powerNameOf, proxiedResources, serialPortOf } from './resources.ts'

// `labgrid-client -p juno-1 env` and `show` of labgrid 26.0.
const env = (port: string) => `targets:
  juno-1:
    resources:
    - NetworkPowerPort:
        model: rest
        host: http://192.0.2.7/relay/{index}/value
        index: 1
    - NetworkSerialPort:
        name: RawSerialPort
        host: rack1
        port: ${port}
        speed: 9600
`
const shown = (required: string) => `Place 'juno-1':
  acquired: vm/alice
Acquired resource 'NetworkPowerPort' (rack/juno-1/NetworkPowerPort/NetworkPowerPort):
  {'acquired': 'juno-1',
   'params': {'extra': {'proxy': 'rack1', 'proxy_required': False},
              'model': 'rest'}}
Acquired resource 'RawSerialPort' (rack/juno-1/NetworkSerialPort/RawSerialPort):
  {'acquired': 'juno-1',
   'params': {'extra': {'path': '/dev/ttyUSB0',
                        'proxy': 'rack1',
                        'proxy_required': ${required}},
              'port': 50857}}
`
const command = (...args: string[]): [string, ...string[]] => ['labgrid-client', ...args]
const line = (yaml: string) => serialPortOf('juno-1', parseResources('juno-1', yaml))!

test('a served serial port becomes a console', (t) => {
  const port = line(env('50857'))
  t.deepEqual(consoleOf(port, new Set(), command), {
    type: 'telnet',
    host: 'rack1',
    port: 50857,
    baud: 9600,
    rfc2217: true,
  })
  t.deepEqual(consoleOf({ ...port, protocol: 'raw' }, new Set(), command), {
    type: 'tcp',
    host: 'rack1',
    port: 50857,
  })
})

test('a port that only an SSH tunnel reaches is left to labgrid-client', (t) => {
  t.is(proxiedResources(shown('False')).size, 0)
  t.deepEqual(consoleOf(line(env('50857')), proxiedResources(shown('True')), command), {
    type: 'command',
    command: ['labgrid-client', 'console', '--name=RawSerialPort'],
  })
})

test('a port that is not served yet is none', (t) => {
  t.is(line(env('null')).port, null)
  t.is(consoleOf(line(env('null')), new Set(), command), undefined)
})

test('of several resources the one counts that is called by its role', (t) => {
  const one = parseResources('p', env('1'))
  t.is(powerNameOf('p', one), null)
  t.is(powerNameOf('p', []), undefined)
  t.is(serialPortOf('p', []), undefined)
  const two = [...one, ...one.map((resource) => ({ ...resource, name: `second-${resource.cls}` }))]
  const error = t.throws(() => powerNameOf('p', two), { instanceOf: LabError })
  t.is(
    error.message,
    'the labgrid place p has several resources that could be its power: NetworkPowerPort, second-NetworkPowerPort',
  )
  t.is(powerNameOf('p', [...two, { ...one[0]!, name: 'power' }]), 'power')
})

test('what labgrid says that can not be read is the lab’s fault', (t) => {
  t.throws(() => parseResources('p', 'targets: 3'), { instanceOf: LabError })
})
