/** A serial port of this host: a USB adapter, a UART, a PTY. */
import { realpath } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { z } from 'zod'
import { LabError } from '../../errors.ts'
import { oneLine } from '../../values.ts'
import { paceSchema } from '../pace.ts'
import type { Connect } from '../transport.ts'
import { lowerLatency } from './latency-timer.ts'
import { type OpenPort, SerialIo } from './serial-io.ts'
import { whyNotOpened } from './serial-trouble.ts'

/** Speed of a serial line, bits a second. */
export const baud = z
  .number()
  .int()
  .min(50)
  .max(12_000_000)
  .meta({ description: 'Speed of the line, bits a second.' })

export const serialSchema = z
  .strictObject({
    type: z.literal('serial'),
    path: oneLine.meta({
      description:
        'The port; a path in /dev/serial/by-id stays the same when adapters are plugged elsewhere.',
      examples: ['/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0'],
    }),
    baud: baud.default(115_200),
    flowControl: z.enum(['none', 'rtscts', 'xonxoff']).default('none').meta({
      description: 'How the two ends stop each other; none where only three wires are connected.',
    }),
    dataBits: z.union([z.literal(7), z.literal(8)]).default(8),
    parity: z.enum(['none', 'even', 'odd']).default('none'),
    stopBits: z.union([z.literal(1), z.literal(2)]).default(1),
    pace: paceSchema,
  })
  .meta({ description: 'A serial port of this host.' })
export type SerialConfig = z.infer<typeof serialSchema>

/** Longer than a character at 50 baud, and what a kernel's sysrq takes for a BREAK. */
const breakMs = 250
const sttyMs = 5000

/** Opens the port and locks it, so that nobody else takes bytes from it. */
export function connectSerial(config: SerialConfig): Connect {
  return async (sink, signal) => {
    signal.throwIfAborted()
    const port = await openPort(config)
    await keepFramingErrors(config.path)
    const io = new SerialIo(port, sink)
    const modem = await hasModemLines(port)
    const lateness = await lowerLatency(await realpath(config.path).catch(() => config.path), () =>
      port.set({ ...lines, brk: false, lowLatency: true }),
    )
    io.start()
    return {
      write: (bytes) => io.write(bytes),
      ...(modem ? { sendBreak: () => sendBreak(config.path, port) } : {}),
      ...(lateness ? { lateness } : {}),
      close: () => io.close(),
    }
  }
}

/** DTR and RTS say that somebody is there; each setting of serialport's sets them all. */
const lines = { dtr: true, rts: true, cts: false, dsr: false }

async function openPort(config: SerialConfig): Promise<OpenPort> {
  // Not loaded by those who have no serial port: it brings a native module.
  const { SerialPort } = await import('serialport')
  const { path, baud: baudRate, dataBits, parity, stopBits, flowControl } = config
  const xon = flowControl === 'xonxoff'
  const options = { path, baudRate, dataBits, parity, stopBits, rtscts: flowControl === 'rtscts', lock: true }
  try {
    // The binding for Linux, without the stream around it: see SerialIo.
    const port: unknown = await SerialPort.binding.open({ ...options, xon, xoff: xon, hupcl: false })
    return port as OpenPort
  } catch (error) {
    throw await whyNotOpened(config, error)
  }
}

/**
 * The binding has the kernel leave out bytes with framing errors (IGNPAR), so that a wrong speed would look like silence;
 * without that they arrive as NUL. And it leaves HUPCL as it is, by which a close pulls DTR, which resets some boards.
 */
async function keepFramingErrors(path: string): Promise<void> {
  await execa('stty', ['-F', path, '-ignpar', '-hupcl'], { timeout: sttyMs, reject: false })
}

/** A PTY has none: it answers ENOTTY, and has no BREAK either. */
async function hasModemLines(port: OpenPort): Promise<boolean> {
  return await port.get().then(
    () => true,
    () => false,
  )
}

async function sendBreak(path: string, port: OpenPort): Promise<void> {
  try {
    await port.set({ ...lines, brk: true, lowLatency: true })
    await sleep(breakMs)
    await port.set({ ...lines, brk: false, lowLatency: true })
  } catch (cause) {
    throw new LabError(`${path} can't send a BREAK: ${(cause as Error).message}`, { cause })
  }
}
