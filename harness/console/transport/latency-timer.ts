/** The latency timer of a USB serial adapter: how long its chip keeps bytes back before it hands them on. */
import { readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Lateness } from '../transport.ts'

/**
 * Sets it to 1 ms: by the port's low-latency flag, which the FTDI driver takes from everybody that may open the port
 * (set_serial_info in drivers/usb/serial/ftdi_sio.c), else by writing to sysfs, which takes root.
 * Returns what stays, or undefined where the port has no such timer or it is at 1 ms.
 * @param device the device file, symbolic links resolved: `/dev/ttyUSB0`
 * @param setFlag sets the low-latency flag; a port that has none may refuse
 */
export async function lowerLatency(
  device: string,
  setFlag: () => Promise<void>,
  sys = '/sys',
): Promise<Lateness | undefined> {
  const file = join(sys, 'bus/usb-serial/devices', basename(device), 'latency_timer')
  if ((await timerMs(file)) === undefined) return undefined
  await setFlag().catch(() => {})
  let refused = ''
  if ((await timerMs(file))! > 1)
    await writeFile(file, '1').catch((error: NodeJS.ErrnoException) => {
      refused = ` (${error.code})`
    })
  const ms = await timerMs(file)
  if (ms === undefined || ms <= 1) return undefined
  return {
    ms,
    why: `the USB adapter keeps bytes for up to ${ms} ms, and ${file} can't be set to 1${refused}`,
  }
}

async function timerMs(file: string): Promise<number | undefined> {
  const ms = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10)
  return Number.isNaN(ms) ? undefined : ms
}
