/** A PDU on the network, by SNMP. */
import { lookup } from 'node:dns/promises'
import type { Session, SessionOptions, User, Varbind } from 'net-snmp'
import { z } from 'zod'
import { LabError } from '../errors.ts'
import { readSecret, secretSource } from '../secret.ts'
import { host, oneLine, port } from '../values.ts'
import { powerCommon } from './common.ts'
import { networkError } from './network.ts'
import { type OutletColumn, type PduOutlets, pdus } from './pdus.ts'
import type { PowerState, PowerSwitch } from './switch.ts'

const column = {
  oid: z
    .string()
    .regex(/^\d+(\.\d+)+$/)
    .meta({
      title: 'an object identifier in numbers',
      description: "Of the table's column; the number of the outlet follows it.",
    }),
  on: z.number().int(),
  off: z.number().int(),
}
const ownPdu = z.strictObject({
  ...column,
  state: z.strictObject(column).optional().meta({
    description: 'Where the state is read; absent: where it is written.',
  }),
})
const key = { password: secretSource }
const v3User = z.strictObject({
  name: oneLine,
  auth: z
    .strictObject({ protocol: z.enum(['md5', 'sha', 'sha256', 'sha512']).default('sha'), ...key })
    .optional(),
  privacy: z.strictObject({ protocol: z.enum(['des', 'aes']).default('aes'), ...key }).optional(),
})

export const snmpSchema = z
  .strictObject({
    type: z.literal('snmp'),
    host,
    port: port.default(161),
    pdu: z
      .union([z.enum(Object.keys(pdus) as [keyof typeof pdus]), ownPdu])
      .default('apc')
      .meta({ description: 'The kind of PDU, or where another kind has its outlets.' }),
    outlet: z.number().int().min(0),
    version: z.enum(['1', '2c', '3']).default('2c'),
    community: secretSource.optional().meta({
      description: 'Of versions 1 and 2c, one that may write; absent: public.',
    }),
    user: v3User.optional().meta({ description: 'Of version 3.' }),
    ...powerCommon,
  })
  .superRefine((power, context) => {
    const wrong =
      power.version === '3'
        ? power.community !== undefined && 'version 3 has a user and no community'
        : power.user !== undefined && `version ${power.version} has a community and no user`
    if (wrong) context.addIssue({ code: 'custom', path: ['version'], message: wrong })
    if (power.version === '3' && !power.user)
      context.addIssue({ code: 'custom', path: ['version'], message: 'version 3 needs a user' })
    if (power.user?.privacy && !power.user.auth)
      context.addIssue({ code: 'custom', path: ['user'], message: 'privacy needs auth too' })
  })
  .meta({ description: 'A PDU on the network, by SNMP.' })
type SnmpConfig = z.infer<typeof snmpSchema>

/** A request is sent again after 2 s, twice. */
const patience = { timeout: 2000, retries: 2 }
type Snmp = typeof import('net-snmp')['default']
type NewSession = (address: string, options: SessionOptions) => Session

/** Throws LabError where a community or a password is not there. */
export async function openSnmp(config: SnmpConfig): Promise<PowerSwitch> {
  const { default: snmp } = await import('net-snmp')
  const newSession = await sessionsOf(snmp, config)
  const outlets: PduOutlets = typeof config.pdu === 'string' ? pdus[config.pdu] : config.pdu
  const name = `the PDU at ${config.host}:${config.port}, outlet ${config.outlet}`
  const oidIn = (place: OutletColumn) => `${place.oid}.${config.outlet}`
  const exchange = (signal: AbortSignal, act: Act) => talk(snmp, name, config, newSession, signal, act)
  const set = async (value: number, signal: AbortSignal) => {
    const varbind = { oid: oidIn(outlets), type: snmp.ObjectType.Integer, value }
    await exchange(signal, (session, answer) => session.set([varbind], answer))
  }
  const state = async (signal: AbortSignal): Promise<PowerState> => {
    const place = outlets.state ?? outlets
    const { value } = await exchange(signal, (session, answer) => session.get([oidIn(place)], answer))
    if (value === place.on) return 'on'
    if (value === place.off) return 'off'
    throw new LabError(`${name} has the state ${String(value)}, which is neither on nor off`)
  }
  return { name, on: (signal) => set(outlets.on, signal), off: (signal) => set(outlets.off, signal), state }
}

async function sessionsOf(snmp: Snmp, config: SnmpConfig): Promise<NewSession> {
  if (config.user) {
    const user = await v3UserOf(snmp, config.user, config.host)
    return (address, options) => snmp.createV3Session(address, user, options)
  }
  const community = config.community
    ? await readSecret(config.community, `the SNMP community of ${config.host}`)
    : 'public'
  const version = config.version === '1' ? snmp.Version1 : snmp.Version2c
  return (address, options) => snmp.createSession(address, community, { ...options, version })
}

async function v3UserOf(snmp: Snmp, user: z.infer<typeof v3User>, where: string): Promise<User> {
  const { name, auth, privacy } = user
  if (!auth) return { name, level: snmp.SecurityLevel.noAuthNoPriv }
  const authenticated = {
    name,
    level: snmp.SecurityLevel.authNoPriv,
    authProtocol: snmp.AuthProtocols[auth.protocol],
    authKey: await readSecret(auth.password, `the SNMP password of ${name} on ${where}`),
  }
  if (!privacy) return authenticated
  return {
    ...authenticated,
    level: snmp.SecurityLevel.authPriv,
    privProtocol: snmp.PrivProtocols[privacy.protocol],
    privKey: await readSecret(privacy.password, `the SNMP privacy password of ${name} on ${where}`),
  }
}

type Act = (session: Session, answer: (error: Error | null, varbinds: Varbind[]) => void) => void

/** One request in a session of its own, closed afterwards. */
async function talk(
  snmp: Snmp,
  name: string,
  config: SnmpConfig,
  newSession: NewSession,
  signal: AbortSignal,
  act: Act,
): Promise<Varbind> {
  const { address, family } = await lookup(config.host).catch((error: unknown) => {
    throw networkError(name, error)
  })
  signal.throwIfAborted()
  const transport = family === 6 ? 'udp6' : 'udp4'
  const session = newSession(address, { ...patience, port: config.port, transport })
  const { promise, resolve, reject } = Promise.withResolvers<Varbind[]>()
  session.on('error', reject)
  const stop = () => reject(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    act(session, (error, varbinds) => (error ? reject(error) : resolve(varbinds)))
    const [varbind] = await promise
    if (varbind && !snmp.isVarbindError(varbind)) return varbind
    throw new LabError(`${name} has no such object: ${varbind ? snmp.varbindError(varbind) : 'no answer'}`, {
      hint: 'Is it that kind of PDU, and does it have that outlet?',
    })
  } catch (error) {
    signal.throwIfAborted()
    throw error instanceof LabError ? error : snmpError(name, error)
  } finally {
    signal.removeEventListener('abort', stop)
    session.close()
  }
}

function snmpError(name: string, error: unknown): LabError {
  const kind = error instanceof Error ? error.name : ''
  if (kind === 'RequestTimedOutError') {
    return new LabError(`${name} did not answer`, {
      hint: 'An SNMP agent is silent also where the version, the community or the user is wrong.',
      cause: error,
    })
  }
  if (kind === 'RequestFailedError') {
    return new LabError(`${name} refused: ${(error as Error).message}`, {
      hint: 'Does this community or user have write access, and does the PDU have that outlet?',
      cause: error,
    })
  }
  return networkError(name, error)
}
