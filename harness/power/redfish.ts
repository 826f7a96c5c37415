/** The chassis of a server, through its BMC's Redfish service (DMTF DSP0266; ComputerSystem schema, action Reset). */
import { z } from 'zod'
import { LabError } from '../errors.ts'
import { readSecret, secretSource } from '../secret.ts'
import { httpUrl, oneLine } from '../values.ts'
import { powerCommon, verifyTls } from './common.ts'
import { basicAuth, below, type HttpRequest, jsonOf, request, succeeded } from './http.ts'
import type { PowerState, PowerSwitch } from './switch.ts'

export const redfishSchema = z
  .strictObject({
    type: z.literal('redfish'),
    url: httpUrl.meta({ description: "The BMC's address.", examples: ['https://bmc-x86-7'] }),
    system: oneLine
      .regex(/^[^/?#]+$/)
      .optional()
      .meta({ description: 'Id below /redfish/v1/Systems; needed where the BMC has several.' }),
    user: oneLine,
    password: secretSource,
    verifyTls,
    ...powerCommon,
  })
  .meta({ description: 'Redfish: ComputerSystem.Reset with On and ForceOff.' })

const limitMs = 30_000
const settleMs = 15_000
const systemsPath = '/redfish/v1/Systems'

const collection = z.object({ Members: z.array(z.object({ '@odata.id': z.string() })) })
const computerSystem = z.object({
  PowerState: z.enum(['On', 'Off', 'PoweringOn', 'PoweringOff', 'Paused']),
  Actions: z
    .object({ '#ComputerSystem.Reset': z.object({ target: z.string().optional() }).optional() })
    .optional(),
})
/** On the way counts as not there yet. */
const states = { On: 'on', Off: 'off', PoweringOn: 'off', PoweringOff: 'on', Paused: 'on' } as const

/** Throws LabError where the password is not there. */
export async function openRedfish(config: z.infer<typeof redfishSchema>): Promise<PowerSwitch> {
  const password = await readSecret(config.password, `the password of the BMC at ${config.url}`)
  return redfishSwitch(config, basicAuth(config.user, password))
}

function redfishSwitch(config: z.infer<typeof redfishSchema>, authorization: string): PowerSwitch {
  const name = `the Redfish service at ${config.url}`
  const call = async (path: string, signal: AbortSignal, post?: Pick<HttpRequest, 'method' | 'json'>) => {
    const url = below(config.url, path)
    const headers = { authorization, accept: 'application/json', 'odata-version': '4.0' }
    const answer = await request(name, { url, headers, verifyTls: config.verifyTls, signal, ...post })
    return succeeded(name, answer)
  }
  const read = async <T>(path: string, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> => {
    const parsed = schema.safeParse(jsonOf(name, await call(path, signal)))
    if (parsed.success) return parsed.data
    throw new LabError(`${name} gave something else than was asked for at ${path}`, { cause: parsed.error })
  }
  const systemPath = async (signal: AbortSignal) => {
    if (config.system !== undefined) return `${systemsPath}/${encodeURIComponent(config.system)}`
    const { Members } = await read(systemsPath, collection, signal)
    return onlySystem(
      name,
      Members.map((member) => member['@odata.id']),
    )
  }
  const state = async (signal: AbortSignal) =>
    states[(await read(await systemPath(signal), computerSystem, signal)).PowerState]
  const reset = async (wanted: PowerState, signal: AbortSignal) => {
    const path = await systemPath(signal)
    const system = await read(path, computerSystem, signal)
    // A BMC may refuse to switch off what is off.
    if (states[system.PowerState] === wanted) return
    const target = system.Actions?.['#ComputerSystem.Reset']?.target ?? `${path}/Actions/ComputerSystem.Reset`
    const json = { ResetType: wanted === 'on' ? 'On' : 'ForceOff' }
    await call(ownPath(name, target), signal, { method: 'POST', json })
  }
  return {
    name,
    limitMs,
    settleMs,
    on: (signal) => reset('on', signal),
    off: (signal) => reset('off', signal),
    state,
  }
}

function onlySystem(name: string, paths: readonly string[]): string {
  const [path] = paths
  if (path !== undefined && paths.length === 1) return ownPath(name, path)
  if (path === undefined) throw new LabError(`${name} has no system`)
  const ids = paths.map((each) => each.split('/').at(-1))
  throw new LabError(`${name} has ${paths.length} systems: ${ids.join(', ')}`, {
    hint: 'Say which one: key system.',
  })
}

/** A path that the service gave, which must not lead the password to another host. */
function ownPath(name: string, path: string): string {
  if (/^\/(?!\/)[^?#\\]*$/.test(path)) return path
  throw new LabError(`${name} names a path outside of itself`)
}
