import { chmodSync, chownSync, readFileSync, realpathSync } from 'node:fs'
import test from 'ava'
import { LabError } from '../../errors.ts'
import { Ear, has, Lab, patient } from './loopback-fixture.ts'
import { connectSerial, serialSchema } from './serial.ts'

/** Debian's group of serial ports, and nobody. */
const dialout = Number(/^dialout:[^:]*:(\d+):/m.exec(readFileSync('/etc/group', 'utf8'))?.[1] ?? Number.NaN)
const nobody = 65_534

test.serial('who may not open a port is told which group to join', async (t) => {
  if (!(await has(t, 'socat'))) return
  if (process.geteuid?.() !== 0 || Number.isNaN(dialout)) {
    t.log('not run: takes root, who gives a port to the group dialout and becomes nobody for a moment')
    return t.pass()
  }
  await using lab = new Lab()
  const cable = await lab.cable()
  chmodSync(lab.folder, 0o755)
  const device = realpathSync(cable.path)
  chownSync(device, 0, dialout)
  chmodSync(device, 0o660)
  // Loads the native module while this process may still read it.
  await import('serialport')
  const groups = process.getgroups!()
  process.setgroups!([])
  process.setegid!(nobody)
  process.seteuid!(nobody)
  try {
    const config = serialSchema.parse({ type: 'serial', path: cable.path })
    const error = await t.throwsAsync(connectSerial(config)(new Ear(), patient()), { instanceOf: LabError })
    t.regex(error.message, /port can't be opened by nobody: it belongs to the group dialout$/)
    t.is(error.hint, 'Join the group, then log in again: sudo usermod -aG dialout nobody')
  } finally {
    process.seteuid!(0)
    process.setegid!(0)
    process.setgroups!(groups)
  }
})
