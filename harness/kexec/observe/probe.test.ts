import test from 'ava'
import { devicesOf } from './probe.ts'

const line = (text: string) => ({ text })
const device = 'HARNESS PCI 0000:00:05.0 1234:11e8 00ff00 command=0103 driver=- family=edu status=0x0'

test('the devices of a whole probe', (t) => {
  const devices = devicesOf([line('Run /init'), line(device), line('HARNESS PCI END count=1')])
  t.like(devices, [{ address: '0000:00:05.0', vendor: 0x1234, command: 0x103, driver: null }])
})

test('a probe that lost a line, or its end, tells nothing: what is missing may be the culprit', (t) => {
  t.is(devicesOf([line(device)]), undefined)
  t.is(devicesOf([line(device), line('HARNESS PCI END count=2')]), undefined)
  t.is(devicesOf([]), undefined)
})

test('a machine without PCI devices has a whole probe too', (t) => {
  t.deepEqual(devicesOf([line('HARNESS PCI END count=0')]), [])
})
