/** Plugs and relays with Tasmota, over HTTP (tasmota.github.io/docs/Commands, "with web requests"). */
import { z } from 'zod'
import { LabError } from '../errors.ts'
import { readSecret } from '../secret.ts'
import { httpUrl } from '../values.ts'
import { optionalLogin, powerCommon } from './common.ts'
import { below, jsonOf, request, succeeded } from './http.ts'
import type { PowerState, PowerSwitch } from './switch.ts'

export const tasmotaSchema = z
  .strictObject({
    type: z.literal('tasmota'),
    url: httpUrl,
    relay: z.number().int().min(1).max(32).default(1),
    ...optionalLogin,
    ...powerCommon,
  })
  .meta({ description: 'A relay with Tasmota, over HTTP.' })

/** Throws LabError where the password is not there. */
export async function openTasmota(config: z.infer<typeof tasmotaSchema>): Promise<PowerSwitch> {
  const { url, relay, user } = config
  const name = `the Tasmota relay ${relay} at ${url}`
  const password = config.password && (await readSecret(config.password, `the password of ${name}`))
  // Tasmota takes user and password in the query only.
  const login: Record<string, string> = password === undefined ? {} : { user, password }
  const power = async (argument: string, signal: AbortSignal): Promise<PowerState> => {
    const target = below(url, '/cm', { ...login, cmnd: `Power${relay}${argument}` })
    const answer = succeeded(name, await request(name, { url: target, signal }))
    return stateOf(name, relay, jsonOf(name, answer))
  }
  const control = async (wanted: PowerState, signal: AbortSignal) => {
    await power(wanted === 'on' ? ' On' : ' Off', signal)
  }
  return {
    name,
    on: (signal) => control('on', signal),
    off: (signal) => control('off', signal),
    state: (signal) => power('', signal),
  }
}

/** A device with one relay calls it POWER, one with several POWER1, POWER2…; what it refuses has WARNING or Command. */
const reply = z.record(z.string(), z.unknown())

function stateOf(name: string, relay: number, json: unknown): PowerState {
  const said = reply.safeParse(json).data ?? {}
  const state = said[`POWER${relay}`] ?? (relay === 1 ? said.POWER : undefined)
  if (state === 'ON') return 'on'
  if (state === 'OFF') return 'off'
  if ('WARNING' in said) {
    throw new LabError(`${name} wants a user and a password, or others than these`, {
      hint: 'Keys user and password.',
    })
  }
  throw new LabError(`${name} did not say the state of that relay`, { hint: 'Does the device have it?' })
}
