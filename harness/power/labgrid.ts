/** The power of a labgrid place, switched by labgrid-client with labgrid's own drivers (labgrid/remote/client.py). */
import { z } from 'zod'
import { LabError } from '../errors.ts'
import { oneLine } from '../values.ts'
import { powerCommon } from './common.ts'
import { findLabgridClient, LabgridClient, LabgridRefusal } from './labgrid-client.ts'
import type { PowerState, PowerSwitch } from './switch.ts'

/** A place's name; the first character keeps it from being an option or, with `+`, a reservation's token. */
export const placeName = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.:@-]*$/)
  .meta({ title: "a labgrid place's name", examples: ['juno-1'] })

/** Where labgrid's coordinator listens. */
export const coordinatorAddress = z
  .string()
  .max(260)
  .regex(/^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_][A-Za-z0-9_.-]*)(?::\d{1,5})?$/)
  .meta({ title: 'HOST:PORT of a labgrid coordinator', examples: ['rack1:20408'] })

export const labgridSchema = z
  .strictObject({
    type: z.literal('labgrid'),
    place: placeName.meta({ description: 'The place, which has to be acquired by whoever runs this.' }),
    coordinator: coordinatorAddress
      .optional()
      .meta({ description: "Absent: $LG_COORDINATOR, else labgrid's default, 127.0.0.1:20408." }),
    name: oneLine
      .optional()
      .meta({ description: "The power resource's name in the place, where it has several." }),
    ...powerCommon,
  })
  .meta({ description: 'The power of a labgrid place, through labgrid-client.' })
export type LabgridPower = z.infer<typeof labgridSchema>

/** Python, gRPC and labgrid take a second or two to start; the switch behind them takes its own time. */
const limitMs = 60_000

/** Finds labgrid-client. Throws LabError where it can't be got. */
export async function openLabgrid(config: LabgridPower): Promise<PowerSwitch> {
  const { place, name } = config
  const client = new LabgridClient(await findLabgridClient(config.coordinator))
  const who = `labgrid place ${place}${name === undefined ? '' : `, power ${name}`}`
  const power = async (action: string, signal: AbortSignal) => {
    const args = ['-p', place, 'power', action, ...(name === undefined ? [] : [`--name=${name}`])]
    try {
      return await client.run(args, signal, limitMs)
    } catch (error) {
      if (!(error instanceof LabgridRefusal)) throw error
      throw refusal(who, place, error)
    }
  }
  return {
    name: who,
    limitMs,
    on: async (signal) => {
      await power('on', signal)
    },
    off: async (signal) => {
      await power('off', signal)
    },
    state: async (signal) => {
      try {
        return stateOf(await power('get', signal))
      } catch (error) {
        if (cantTell(error)) return 'unknown'
        throw error
      }
    },
  }
}

function stateOf(said: string): PowerState | 'unknown' {
  const [, state] = /^power .* is (on|off)$/m.exec(said) ?? []
  return state === 'on' || state === 'off' ? state : 'unknown'
}

/** Drivers without a way back, pdudaemon's for one, raise NotImplementedError; others have no `get` at all. */
function cantTell(error: unknown): boolean {
  const { cause } = error as { cause?: unknown }
  return (
    cause instanceof LabgridRefusal && /^(?:NotImplementedError|AttributeError: .*'get')/m.test(cause.said)
  )
}

function refusal(who: string, place: string, cause: LabgridRefusal): LabError {
  const said = cause.message.replace(/^labgrid: /, '')
  const hint = /is not acquired/.test(said)
    ? `The harness acquires the place of a board whose descriptor says: place: ${place}`
    : /no compatible resource/.test(said)
      ? `See what the place has: labgrid-client -p ${place} show`
      : undefined
  return new LabError(`${who}: ${said}`, { cause, ...(hint === undefined ? {} : { hint }) })
}
