import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { lowerLatency } from './latency-timer.ts'

/** A simulated sysfs with one FTDI adapter. */
function simulatedSys(timer: string) {
  const sys = mkdtempSync(join(tmpdir(), 'kexec-sys-'))
  const folder = join(sys, 'bus/usb-serial/devices/ttyUSB3')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'latency_timer')
  writeFileSync(file, timer)
  return { sys, file, [Symbol.dispose]: () => rmSync(sys, { recursive: true }) }
}

const refuse = () => Promise.reject(new Error('ENOTTY'))

test("the port's flag is enough where the driver takes it", async (t) => {
  using lab = simulatedSys('16\n')
  const set = async () => writeFileSync(lab.file, '1\n')
  t.is(await lowerLatency('/dev/ttyUSB3', set, lab.sys), undefined)
})

test('else the timer is written, and a port without one is left alone', async (t) => {
  using lab = simulatedSys('16\n')
  t.is(await lowerLatency('/dev/ttyUSB3', refuse, lab.sys), undefined)
  t.is(readFileSync(lab.file, 'utf8'), '1')
  t.is(await lowerLatency('/dev/ttyS0', () => t.fail(), lab.sys), undefined)
})

test('a timer that stays is an uncertainty, with its reason', async (t) => {
  using lab = simulatedSys('16\n')
  // A number that the kernel lets nobody change, not even root.
  const fixed = '/proc/sys/kernel/cap_last_cap'
  rmSync(lab.file)
  symlinkSync(fixed, lab.file)
  const lateness = await lowerLatency('/dev/ttyUSB3', refuse, lab.sys)
  t.is(lateness?.ms, Number(readFileSync(fixed, 'utf8')))
  t.regex(lateness!.why, /keeps bytes for up to \d+ ms, and .*latency_timer can't be set to 1 \(E[A-Z]+\)$/)
})
