/** A board that is a labgrid place: acquired before it is used, released however the run ends. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { Deadline } from '../../deadline.ts'
import { durationText } from '../../duration.ts'
import { LabError } from '../../errors.ts'
import { didYouMean } from '../../nearest.ts'
import { coordinatorAddress, type LabgridPower, placeName } from '../../power/labgrid.ts'
import { findLabgridClient, LabgridClient, labgridName } from '../../power/labgrid-client.ts'
import { Keeper } from './keeper-process.ts'
import {
  holderOf,
  type ListedPlace,
  parsePlaces,
  parseReservations,
  placeNamed,
  placesTagged,
  whoHas,
} from './places.ts'
import {
  consoleOf,
  type PlaceConsole,
  parseResources,
  powerNameOf,
  proxiedResources,
  type Resource,
  serialPortOf,
} from './resources.ts'

/** labgrid's own forms are loose (labgrid/remote/common.py, TAG_KEY and TAG_VAL); these are what its lists show apart. */
const tags = z
  .record(z.string().regex(/^[a-z][a-z0-9_]+$/), z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/))
  .refine((all) => Object.keys(all).length > 0, { error: 'names no tag' })

export const labgridPlace = z.union([placeName, z.strictObject({ tags })])
export type LabgridPlace = z.infer<typeof labgridPlace>

/** What a descriptor says of a board that is a labgrid place. */
export const placeKeys = {
  place: labgridPlace.optional().meta({
    description: 'The labgrid place that the board is: its name, or the tags that any place of a kind has.',
  }),
  coordinator: coordinatorAddress.optional().meta({
    description: "labgrid's coordinator; absent: $LG_COORDINATOR, else labgrid's default, 127.0.0.1:20408.",
  }),
  placeWait: durationText.optional().meta({
    description: "How long to wait in labgrid's queue for a place that is taken; absent: not at all.",
  }),
}

export type AcquireOptions = {
  board: string
  place: LabgridPlace
  coordinator?: string | undefined
  /** How long to wait for a place that is taken; 0, the default, fails at once. */
  waitMs?: number
  log?: (text: string) => void
}

/** A place that is ours until it is disposed of, or until this process is gone. */
export type AcquiredPlace = AsyncDisposable & {
  readonly name: string
  /** Absent where the place has no serial port. */
  readonly console: PlaceConsole | undefined
  /** Absent where the place has nothing that labgrid-client can switch. */
  readonly power: Pick<LabgridPower, 'type' | 'place' | 'coordinator' | 'name'> | undefined
  /** Aborted with a LabError when the place is not ours any more: kicked, or its coordinator restarted. */
  readonly lost: AbortSignal
}

/** An exporter starts ser2net when the place is acquired, and tells the port afterwards. */
const portLimitMs = 30_000
const portPollMs = 500

/**
 * Acquires a place, as a user of its own, so that nobody else's release can be meant for it, and nobody's place can be
 * hit by ours; the user who runs the harness is allowed to use it meanwhile.
 * Throws LabError (no such place, taken and by whom, coordinator not reachable) or the signal's reason.
 */
export async function acquirePlace(options: AcquireOptions, signal: AbortSignal): Promise<AcquiredPlace> {
  const { board, place, log = () => {}, waitMs = 0 } = options
  const client = new LabgridClient(await findLabgridClient(options.coordinator, { progress: log, signal }))
  const candidates = await findCandidates(client, options, signal)
  const free = candidates.filter((one) => !isBusy(one)).map(({ name }) => name)
  if (free.length === 0) {
    if (waitMs === 0) throw await taken(client, options, signal)
    log(`labgrid: ${await holdersOf(client, options, signal)}`)
  }
  const { host, user } = client.spec.user
  const holder = client.as({ host, user: holderOf(user, randomBytes(3).toString('hex')) })
  const wanted = typeof place === 'string' ? { name: candidates[0]!.name } : place.tags
  const keeper = new Keeper(board, { client: holder.spec, free, tags: wanted, waitMs }, log)
  try {
    const name = await keeper.acquired(signal)
    if (name === undefined) throw await taken(client, options, signal)
    log(`acquired the labgrid place ${name}`)
    await holder.run(['-p', name, 'allow', labgridName(client.spec.user)], signal)
    const described = await describe(client, name, signal)
    return {
      name,
      ...described,
      lost: keeper.lost,
      [Symbol.asyncDispose]: () => keeper[Symbol.asyncDispose](),
    }
  } catch (error) {
    await keeper[Symbol.asyncDispose]()
    throw error
  }
}

/** The places that would do, whoever has them. Throws LabError where there are none. */
async function findCandidates(
  client: LabgridClient,
  { board, place }: AcquireOptions,
  signal: AbortSignal,
): Promise<[ListedPlace, ...ListedPlace[]]> {
  const all = parsePlaces(await client.run(['-v', 'places'], signal))
  const byName = typeof place === 'string' ? placeNamed(all, place) : undefined
  const [first, ...others] =
    typeof place === 'string' ? (byName ? [byName] : []) : placesTagged(all, place.tags)
  if (first) return [first, ...others]
  const names = all.flatMap(({ name, aliases }) => [name, ...aliases])
  const { coordinator } = client.spec
  const what =
    typeof place === 'string'
      ? `has no place ${place}${didYouMean(place, names)}`
      : `has no place with the tags ${Object.entries(place.tags)
          .map(([key, value]) => `${key}=${value}`)
          .join(', ')}`
  throw new LabError(`labgrid's coordinator at ${coordinator} ${what}`, {
    board,
    hint: `It has ${all.map(({ name }) => name).join(', ') || 'none at all'}; see them with: labgrid-client -x ${coordinator} -v places`,
  })
}

async function holdersOf(
  client: LabgridClient,
  options: AcquireOptions,
  signal: AbortSignal,
): Promise<string> {
  const candidates = await findCandidates(client, options, signal)
  const reservations = parseReservations(await client.run(['reservations'], signal))
  return candidates.map((one) => whoHas(one, reservations)).join('; ')
}

function isBusy({ acquired, reservation }: ListedPlace): boolean {
  return acquired !== null || reservation !== null
}

async function taken(client: LabgridClient, options: AcquireOptions, signal: AbortSignal): Promise<LabError> {
  const { board, waitMs = 0 } = options
  const waited = waitMs > 0 ? `after ${waitMs / 1000} s still ` : ''
  return new LabError(`${board}: labgrid: ${waited}${await holdersOf(client, options, signal)}`, {
    board,
    hint:
      waitMs > 0
        ? 'Try again later, or wait longer.'
        : "Try again later, or let the descriptor wait in labgrid's queue: placeWait: 30m",
  })
}

async function describe(
  client: LabgridClient,
  name: string,
  signal: AbortSignal,
): Promise<Pick<AcquiredPlace, 'console' | 'power'>> {
  const shown = client.run(['-p', name, 'show'], signal)
  const [proxied, { resources, console }] = await Promise.all([
    shown.then(proxiedResources),
    servedConsole(client, name, signal),
  ])
  const { coordinator } = client.spec
  const switched = powerNameOf(name, resources)
  const command = (...args: string[]) => client.command('-p', name, ...args)
  return {
    console: console && consoleOf(console, proxied, command),
    power:
      switched === undefined
        ? undefined
        : { type: 'labgrid', place: name, coordinator, ...(switched === null ? {} : { name: switched }) },
  }
}

/** The place's resources, once its serial port, if any, is served. */
async function servedConsole(
  client: LabgridClient,
  name: string,
  signal: AbortSignal,
): Promise<{ resources: Resource[]; console: ReturnType<typeof serialPortOf> }> {
  using deadline = new Deadline(portLimitMs, signal)
  for (;;) {
    const resources = parseResources(name, await client.run(['-p', name, 'env'], signal))
    const console = serialPortOf(name, resources)
    if (console === undefined || console.port !== null) return { resources, console }
    if (deadline.expired) {
      throw new LabError(
        `labgrid's exporter did not serve the serial port of ${name} within ${portLimitMs / 1000} s`,
        { hint: "Is the adapter plugged in, and ser2net installed on the exporter's host? Its log says." },
      )
    }
    await sleep(portPollMs, undefined, { signal })
  }
}
