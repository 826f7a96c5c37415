/** What can be told of a board's part of the rack without switching anything. */
import { access, constants } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Descriptor } from '../../board/descriptor.ts'
import { quarantineOf } from '../../board/quarantine.ts'
import { GarbleWatch } from '../../console/garble.ts'
import { baudOf, connectTo, type LineConfig } from '../../console/transports.ts'
import { Deadline } from '../../deadline.ts'
import { LabError } from '../../errors.ts'
import { openPower } from '../../power/control.ts'
import { networkError } from '../../power/network.ts'
import type { SwitchConfig } from '../../power/switches.ts'
import { visibleLine } from '../../report/escape.ts'
import { readSecret, type SecretSource, secretSource } from '../../secret.ts'
import { attempt, type Check } from './check.ts'

const listenMs = 3_000
const connectLimitMs = 30_000
const reachLimitMs = 10_000

/** Whether each secret that the descriptor names is there. */
export async function secretChecks(descriptor: Descriptor): Promise<Check[]> {
  const { console, power, stages } = descriptor
  const found = [
    ...secretsIn(console, ['console']),
    ...secretsIn(power, ['power']),
    ...stages.flatMap((stage) => secretsIn(stage, [stage.name ?? stage.type])),
  ]
  return await Promise.all(
    found.map(({ where, source }) =>
      attempt(`secret ${where}`, async () => {
        await readSecret(source, 'the secret')
        return 'env' in source ? `${source.env} is set` : `${source.file} can be read`
      }),
    ),
  )
}

/** Whether a person has said that the board may not be used. */
export function quarantineCheck(name: string): Check {
  const found = quarantineOf(name)
  if (!found) return { what: 'quarantine', state: 'ok', detail: 'none' }
  return {
    what: 'quarantine',
    state: 'broken',
    detail: `since ${found.since}: ${found.reason}`,
    hint: `Look at the board${found.run === null ? '' : ` and at ${found.run}`}, then: npm run board -- release ${name}`,
  }
}

/** Whether the console opens, and what is heard there. */
export async function consoleChecks(config: LineConfig, signal: AbortSignal): Promise<Check[]> {
  const heard = new Heard(baudOf(config))
  const opened = await attempt('console', async () => {
    const connect = await connectTo(config)
    using deadline = new Deadline(connectLimitMs, signal)
    const connection = await connect(heard, deadline.signal).catch((error) => {
      if (!deadline.expired) throw error
      throw new LabError(`${describeLine(config)} did not open within ${connectLimitMs / 1000} s`)
    })
    try {
      await sleep(listenMs, undefined, { signal })
    } finally {
      await connection.close()
    }
    const late = connection.lateness
    return `${describeLine(config)} opens${late ? `; arrivals may be ${late.ms} ms late: ${late.why}` : ''}`
  })
  return opened.state === 'ok' ? [opened, heard.check()] : [opened]
}

/** Whether the switch answers. One that has no state to ask for is only looked for. */
export async function powerCheck(name: string, config: SwitchConfig, signal: AbortSignal): Promise<Check> {
  return await attempt('power', async () => {
    await using control = await openPower(name, config)
    const state = await control.state(signal)
    if (state !== 'unknown') return `${config.type} answers: ${state}`
    const reached = await reach(config, signal)
    return {
      state: 'unclear',
      detail: `${reached ?? config.type} can't tell whether the board is on`,
      hint: 'With --power it is switched off and on, and the console shows whether that did anything.',
    }
  })
}

/** Listens to a console for a moment. */
class Heard {
  readonly #garble: GarbleWatch
  #bytes = 0
  #tail = ''
  #ended: string | undefined

  constructor(baud: number | undefined) {
    this.#garble = new GarbleWatch(baud)
  }

  bytes(chunk: Buffer): void {
    this.#garble.push(chunk)
    this.#bytes += chunk.length
    this.#tail = (this.#tail + chunk.toString('utf8')).slice(-1000)
  }

  ended(reason: string): void {
    this.#ended = reason
  }

  check(): Check {
    const what = 'console output'
    const garble = this.#garble.trouble
    if (this.#ended !== undefined)
      return { what, state: 'broken', detail: `the connection ended: ${this.#ended}` }
    if (garble !== undefined)
      return {
        what,
        state: 'broken',
        detail: garble,
        hint: "Try the baud rate of the board's documentation.",
      }
    if (this.#bytes === 0)
      return {
        what,
        state: 'unclear',
        detail: `silence for ${listenMs / 1000} s: right for a board that is off or has nothing to say`,
        hint: 'With --power it is booted, and has to say something.',
      }
    const last = this.#tail.split(/[\r\n]+/).findLast((line) => line.trim() !== '') ?? ''
    return {
      what,
      state: 'ok',
      detail: `${this.#bytes} bytes in ${listenMs / 1000} s; last line: ${visibleLine(last, { maxLength: 100 })}`,
    }
  }
}

/** How a console is reached, in words without secrets. */
function describeLine(config: LineConfig): string {
  const { type, path, host, port, baud } = config as { type: string } & Record<string, unknown>
  const where = path ?? (host === undefined ? undefined : `${host}${port === undefined ? '' : `:${port}`}`)
  return [type, where, baud === undefined ? undefined : `at ${baud} baud`].filter(Boolean).join(' ')
}

/** Looks for a switch that can't be asked: its host listens, or its device file may be used. Throws LabError. */
async function reach(config: SwitchConfig, signal: AbortSignal): Promise<string | undefined> {
  const { url, path } = config as { url?: string; path?: string }
  if (url !== undefined) {
    const { hostname, port, protocol } = new URL(url)
    await reachHost(
      hostname.replace(/^\[|\]$/g, ''),
      Number(port || (protocol === 'https:' ? 443 : 80)),
      signal,
    )
    return `${url} is there, but`
  }
  if (path === undefined) return undefined
  await access(path, constants.R_OK | constants.W_OK).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'is not there' : `can't be used: ${cause.code}`
    throw new LabError(`${path} ${why}`, { hint: 'Is it plugged in? ls -l /dev/serial/by-id', cause })
  })
  return `${path} is there, but`
}

async function reachHost(host: string, port: number, signal: AbortSignal): Promise<void> {
  using deadline = new Deadline(reachLimitMs, signal)
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connectSocket({ host, port, signal: deadline.signal })
  socket.once('connect', resolve).once('error', reject)
  try {
    await promise
  } catch (error) {
    signal.throwIfAborted()
    const who = `${host} port ${port}`
    throw deadline.expired
      ? new LabError(`${who} does not answer within ${reachLimitMs / 1000} s`)
      : networkError(who, error)
  } finally {
    socket.destroy()
  }
}

/** Every secret that a part of a descriptor names, with where in it. */
function secretsIn(value: unknown, where: string[]): { where: string; source: SecretSource }[] {
  if (value === null || typeof value !== 'object') return []
  const found = secretSource.safeParse(value)
  if (found.success) return [{ where: where.join('.'), source: found.data }]
  return Object.entries(value).flatMap(([key, inner]) => secretsIn(inner, [...where, key]))
}
