/**
 * USB relays that speak the LCUS-1 protocol over a serial port (LC Technology's boards of 1 to 8 relays with a CH340).
 * A switching is A0, the relay, 01 or 00, and the sum of these; the query is FF, which boards of one relay mostly
 * leave unanswered and larger ones answer with `CH1: ON CH2: OFF …` in one spelling or another.
 */
import type { SerialPort } from 'serialport'
import { z } from 'zod'
import { systemClock } from '../clock.ts'
import { LabError } from '../errors.ts'
import { oneLine } from '../values.ts'
import { powerCommon } from './common.ts'
import { type Relay, relaySwitch, relayWiring } from './relay.ts'
import type { PowerSwitch } from './switch.ts'

export const lcus1Schema = z
  .strictObject({
    type: z.literal('lcus-1'),
    path: oneLine.meta({
      description: 'The serial port; boards may share it.',
      examples: ['/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0'],
    }),
    relay: z.number().int().min(1).max(8).default(1),
    baud: z.number().int().min(300).max(1_000_000).default(9600),
    ...relayWiring,
    ...powerCommon,
  })
  .meta({ description: 'A serial relay with the LCUS-1 protocol.' })

/** How long another board may hold the port; less than the limit of a call, so that its reason is told. */
const lockLimitMs = 8000
const lockPollMs = 50
/** What the last user of the port left unread has come by then. */
const staleMs = 50
const query = Buffer.from([0xff])

/** The four bytes that energise a relay or release it. */
export function lcusFrame(relay: number, energised: boolean): Buffer {
  const operation = energised ? 1 : 0
  return Buffer.from([0xa0, relay, operation, (0xa0 + relay + operation) & 0xff])
}

/**
 * What an answer to the query says of a relay; undefined where it does not name it (yet). It counts from the first relay
 * on: what comes before is the end of an answer that the port's last user did not wait for.
 */
export function lcusState(answer: string, relay: number): boolean | undefined {
  const start = answer.search(/CH\s*1\s*:/i)
  if (start === -1) return undefined
  for (const [, number, state] of answer.slice(start).matchAll(/CH\s*(\d+)\s*:\s*(ON|OFF)/gi)) {
    if (Number(number) === relay) return state?.toUpperCase() === 'ON'
  }
  return undefined
}

/** `answerMs`: how long a board has to answer the query; one that never did is not asked again. */
export function openLcus1(config: z.infer<typeof lcus1Schema>, { answerMs = 1000 } = {}): PowerSwitch {
  const { path, relay, baud } = config
  const name = `relay ${relay} at ${path}`
  let answers: boolean | undefined
  const lcus: Relay = {
    name,
    set: async (energised, signal) => {
      await using port = await openPort(name, path, baud, signal)
      await port.send(lcusFrame(relay, energised))
    },
    get: async (signal) => {
      if (answers === false) return undefined
      await using port = await openPort(name, path, baud, signal)
      const state = await port.ask(relay, answerMs, signal)
      answers ??= state !== undefined
      return state
    },
  }
  return relaySwitch(lcus, config)
}

/** The port, held for one exchange. */
class RelayPort implements AsyncDisposable {
  readonly #port: SerialPort
  readonly #name: string

  constructor(port: SerialPort, name: string) {
    this.#port = port
    this.#name = name
  }

  async send(bytes: Buffer): Promise<void> {
    try {
      await settled((done) => this.#port.write(bytes, done))
      await settled((done) => this.#port.drain(done))
    } catch (cause) {
      throw new LabError(`${this.#name} can't be written to: ${messageOf(cause)}`, { cause })
    }
  }

  async ask(relay: number, answerMs: number, signal: AbortSignal): Promise<boolean | undefined> {
    const { promise, resolve } = Promise.withResolvers<boolean | undefined>()
    let answer = ''
    let asked = false
    const hear = (chunk: Buffer) => {
      if (!asked) return
      answer += chunk.toString('latin1')
      const state = lcusState(answer, relay)
      if (state !== undefined) resolve(state)
    }
    const silence = setTimeout(() => resolve(undefined), staleMs + answerMs)
    this.#port.on('data', hear)
    try {
      // Read, not flushed: a flush also takes what another one of ours has just sent (tcflush(3), TCIOFLUSH).
      await systemClock.sleep(staleMs, signal)
      asked = true
      await this.send(query)
      const state = await promise
      signal.throwIfAborted()
      return state
    } finally {
      clearTimeout(silence)
      this.#port.off('data', hear)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#port.isOpen) await settled((done) => this.#port.close(done)).catch(() => {})
  }
}

/** Opens the port for this process alone, waiting while another board's switching holds it. */
async function openPort(
  name: string,
  path: string,
  baudRate: number,
  signal: AbortSignal,
): Promise<RelayPort> {
  const { SerialPort } = await import('serialport')
  const startedAtNs = systemClock.nowNs()
  for (;;) {
    signal.throwIfAborted()
    const port = new SerialPort({ path, baudRate, autoOpen: false })
    // Unplugged while it is open: the write or the drain that is under way tells.
    port.on('error', () => {})
    try {
      await settled((done) => port.open(done))
      return new RelayPort(port, name)
    } catch (error) {
      const waitedMs = Number(systemClock.nowNs() - startedAtNs) / 1e6
      if (!/cannot lock port/i.test(messageOf(error)) || waitedMs > lockLimitMs)
        throw openError(name, path, error)
      await systemClock.sleep(lockPollMs, signal)
    }
  }
}

function openError(name: string, path: string, cause: unknown): LabError {
  const said = messageOf(cause)
  const [why, hint] = /no such file/i.test(said)
    ? ['there is no such port', 'Is it plugged in? `ls -l /dev/serial/by-id` lists what is.']
    : /permission denied/i.test(said)
      ? ['no permission', 'Join the group that owns it, mostly dialout: sudo usermod -aG dialout $USER']
      : /cannot lock port/i.test(said)
        ? [`held by another program for ${lockLimitMs / 1000} s`, `Who holds it: sudo fuser -v ${path}`]
        : [said, 'Is this the serial port of a relay?']
  return new LabError(`${name} can't be opened: ${why}`, { hint, cause })
}

function settled(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error ? reject(error) : resolve()))
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
