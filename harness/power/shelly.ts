/** Shelly relays over HTTP: first generation and later ones (shelly-api-docs.shelly.cloud). */
import { z } from 'zod'
import { LabError } from '../errors.ts'
import { readSecret } from '../secret.ts'
import { httpUrl } from '../values.ts'
import { optionalLogin, powerCommon } from './common.ts'
import { digestAuth } from './digest.ts'
import { basicAuth, below, type HttpAnswer, jsonOf, request, succeeded } from './http.ts'
import type { PowerState, PowerSwitch } from './switch.ts'

export const shellySchema = z
  .strictObject({
    type: z.literal('shelly'),
    url: httpUrl,
    channel: z.number().int().min(0).max(15).default(0),
    generation: z.literal([1, 2]).optional().meta({
      description: '1, or 2 for that and all later ones, which speak the same; absent: the device is asked.',
    }),
    ...optionalLogin,
    ...powerCommon,
  })
  .meta({ description: 'A Shelly relay, over HTTP.' })
type ShellyConfig = z.infer<typeof shellySchema>

/** Later generations say which they are, the first does not. */
const identity = z.object({ gen: z.number().optional(), type: z.string().optional() })
const relayStatus = z.object({ ison: z.boolean() })
const switchStatus = z.object({ output: z.boolean() })
const switchSet = z.object({ was_on: z.boolean() })

/** Throws LabError where the password is not there. */
export async function openShelly(config: ShellyConfig): Promise<PowerSwitch> {
  const { url, channel, generation } = config
  const name = `the Shelly at ${url}, channel ${channel}`
  const password = config.password && (await readSecret(config.password, `the password of ${name}`))
  const ask = async <T>(
    path: string,
    query: Record<string, string>,
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ) => {
    const answer = await authenticated(name, below(url, path, query), { user: config.user, password }, signal)
    const parsed = schema.safeParse(jsonOf(name, succeeded(name, answer, 'Does it have that channel?')))
    if (parsed.success) return parsed.data
    throw new LabError(`${name} gave an answer that is not a Shelly's`, { cause: parsed.error })
  }
  let known: number | undefined = generation
  // Asked at the first use: a device that does not answer is then tried again, as any other.
  const isFirst = async (signal: AbortSignal) => {
    known ??= (await ask('/shelly', {}, identity, signal)).gen ?? 1
    return known === 1
  }
  const id = String(channel)
  const control = async (wanted: PowerState, signal: AbortSignal) => {
    if (await isFirst(signal)) await ask(`/relay/${id}`, { turn: wanted }, relayStatus, signal)
    else await ask('/rpc/Switch.Set', { id, on: String(wanted === 'on') }, switchSet, signal)
  }
  const state = async (signal: AbortSignal): Promise<PowerState> => {
    const isOn = (await isFirst(signal))
      ? (await ask(`/relay/${id}`, {}, relayStatus, signal)).ison
      : (await ask('/rpc/Switch.GetStatus', { id }, switchStatus, signal)).output
    return isOn ? 'on' : 'off'
  }
  return { name, on: (signal) => control('on', signal), off: (signal) => control('off', signal), state }
}

type Login = { user: string; password: string | undefined }

/** The password goes out only when the device asks for it: Basic for the first generation, digest for later ones. */
async function authenticated(name: string, url: URL, login: Login, signal: AbortSignal): Promise<HttpAnswer> {
  const answer = await request(name, { url, signal })
  const challenge = answer.headers['www-authenticate']
  if (answer.status !== 401 || challenge === undefined || login.password === undefined) return answer
  const { user, password } = login
  const authorization = /^Basic\b/i.test(challenge)
    ? basicAuth(user, password)
    : digestAuth({ challenge, method: 'GET', uri: `${url.pathname}${url.search}`, user, password })
  if (authorization === undefined) return answer
  return await request(name, { url, headers: { authorization }, signal })
}
