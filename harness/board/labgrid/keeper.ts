/**
 * The keeper of a labgrid place: a process that acquires it, and that releases it when its standard input closes,
 * which the kernel sees to however the harness ends. labgrid itself never takes a place back from a client that is gone.
 * Reservation, acquisition and release are all its own, one after the other, so that none can be left behind.
 */
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { dieWithParent } from '../../../qemu/process.ts'
import { LabError } from '../../errors.ts'
import { LabgridClient, LabgridRefusal, labgridName } from '../../power/labgrid-client.ts'
import { type KeeperMessage, type KeeperTask, parseTask } from './keeper-messages.ts'
import { parsePlaces, parseReservations, person, placeNamed } from './places.ts'

/** Before each further attempt to release: a coordinator that restarts is back in seconds. */
const releaseDelaysMs = [2000, 5000, 15_000]
/**
 * Before each further attempt to acquire. A busy exporter takes longer to start ser2net than the coordinator waits; what it
 * then holds for nobody, the coordinator takes back every 15 s (labgrid/remote/coordinator.py, _synchronize_resources).
 */
const acquireDelaysMs = [5000, 20_000]
/** While the coordinator is away it is asked this often whether the place is still ours. */
const askEveryMs = 15_000

const task = parseTask(process.argv[2] ?? '{}')
const over = new AbortController()
process.stdin.on('end', () => over.abort()).on('error', () => over.abort())
process.stdin.resume()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => over.abort())
// Whoever listened may be gone; the work is to be done all the same.
process.stdout.on('error', () => {})

await keep(new LabgridClient(task.client), task)
// Standard input may still be open.
process.exit()

function tell(message: KeeperMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

async function keep(client: LabgridClient, task: KeeperTask): Promise<void> {
  let place: string | undefined
  try {
    place = (await acquireFree(client, task.free)) ?? (await acquireInTurn(client, task))
    if (place === undefined) return
    tell({ kind: 'acquired', place })
    await watch(client, place)
  } catch (error) {
    const { message, hint } = error as { message: string; hint?: string }
    if (!over.signal.aborted) tell({ kind: 'failed', message, ...(hint === undefined ? {} : { hint }) })
  }
  if (place !== undefined) await release(client, place)
}

/** Takes the first that nobody was quicker to take. A place that somebody waits for is his already, so none is passed by. */
async function acquireFree(client: LabgridClient, places: readonly string[]): Promise<string | undefined> {
  for (const place of places) {
    if (over.signal.aborted) return undefined
    if (await acquire(client, place)) return place
  }
  return undefined
}

/** False where somebody has the place, or has it reserved. */
async function acquire(client: LabgridClient, place: string): Promise<boolean> {
  for (const delayMs of [...acquireDelaysMs, undefined]) {
    try {
      await client.run(['-p', place, 'acquire'])
      return true
    } catch (error) {
      if (!(error instanceof LabgridRefusal)) {
        // A call that got no answer may have been carried out all the same.
        await release(client, place)
        throw error
      }
      if (/already acquired|was not reserved for/.test(error.message)) return false
      if (!/Failed to acquire resources/.test(error.message)) throw error
      if (delayMs === undefined) throw new LabError(error.message, { hint: exporterHint(place) })
      tell({ kind: 'again', message: `${error.message}; try again in ${delayMs / 1000} s` })
      await sleep(delayMs, undefined, { signal: over.signal })
    }
  }
  return false
}

function exporterHint(place: string): string {
  return `The log of the exporter says which resource could not be had; see them with: labgrid-client -p ${place} show`
}

/** Waits for a place in the coordinator's queue; undefined where there was none to be had, which is told. */
async function acquireInTurn(
  client: LabgridClient,
  { tags, waitMs }: KeeperTask,
): Promise<string | undefined> {
  if (over.signal.aborted) return undefined
  if (waitMs <= 0) {
    tell({ kind: 'taken' })
    return undefined
  }
  tell({ kind: 'waiting' })
  const filters = Object.entries(tags).map(([key, value]) => `${key}=${value}`)
  const reserved = parseReservations(await client.run(['reserve', ...filters]))[0]
  if (!reserved) throw new LabgridRefusal('did not say what it reserved', '')
  try {
    const place = reserved.places[0] ?? (await waitFor(client, reserved.token, waitMs))
    if (over.signal.aborted) return undefined
    if (place !== undefined && (await acquire(client, place))) return place
    tell({ kind: 'taken' })
    return undefined
  } finally {
    // An acquired place needs no reservation; one that is left would keep the place from others for a minute.
    await client.run(['cancel-reservation', reserved.token]).catch(() => undefined)
  }
}

/** Waits in the coordinator's queue. */
async function waitFor(client: LabgridClient, token: string, waitMs: number): Promise<string | undefined> {
  // It asks every second, as the coordinator expires a reservation that nobody asks about for a minute.
  const waiting = execa(...dieWithParent(client.command('wait', token)), {
    env: client.env,
    stdin: 'ignore',
    stdout: 'ignore',
    reject: false,
    timeout: waitMs,
    cancelSignal: over.signal,
  })
  const result = await waiting
  if (result.timedOut || over.signal.aborted) return undefined
  const all = parseReservations(await client.run(['reservations']))
  const place = all.find((one) => one.token === token)?.places[0]
  if (place === undefined) throw new LabgridRefusal(`the reservation came to nothing: ${result.stderr}`, '')
  return place
}

/** Returns when it is time to release. Tells when the place is not ours any more, by labgrid's own stream of changes. */
async function watch(client: LabgridClient, place: string): Promise<void> {
  while (!over.signal.aborted) {
    const monitor = execa(...dieWithParent(client.command('monitor')), {
      env: client.env,
      stdin: 'ignore',
      stderr: 'ignore',
      buffer: false,
      reject: false,
      cancelSignal: over.signal,
    })
    let changed = ''
    for await (const line of createInterface(monitor.stdout)) {
      changed = /^(?:Place|Resource) (.+?) (?:changed:|created:)/.exec(line)?.[1] ?? changed
      const [, now] = changed === place ? (/^ {2}acquired: .* -> (.*)$/.exec(line) ?? []) : []
      if (now !== undefined && now !== labgridName(client.spec.user)) tellLost(place, now)
    }
    await monitor
    // It ends when the coordinator goes away: a network that came back has changed nothing, a restart lost everything.
    await sleep(askEveryMs, undefined, { signal: over.signal }).catch(() => undefined)
    if (!over.signal.aborted) await askWhoHas(client, place)
  }
}

async function askWhoHas(client: LabgridClient, place: string): Promise<void> {
  const listed = await client.run(['-v', 'places']).catch(() => undefined)
  if (listed === undefined) return
  const now = placeNamed(parsePlaces(listed), place)?.acquired ?? 'None'
  if (now !== labgridName(client.spec.user)) tellLost(place, now)
}

function tellLost(place: string, now: string): void {
  const whose =
    now === 'None' ? 'somebody released it, or the coordinator was restarted' : `${person(now)} has it`
  tell({ kind: 'lost', message: `the labgrid place ${place} is not ours any more: ${whose}` })
}

async function release(client: LabgridClient, place: string): Promise<void> {
  const holder = labgridName(client.spec.user)
  let failure: unknown
  for (const delayMs of [0, ...releaseDelaysMs]) {
    await sleep(delayMs)
    try {
      // Not `release`: that would release it from whoever has it now.
      await client.run(['-p', place, 'release-from', holder])
      return tell({ kind: 'released' })
    } catch (error) {
      // Kicked, or the place itself is gone.
      if (error instanceof LabgridRefusal && /is not acquired|matches nothing/.test(error.message))
        return tell({ kind: 'released' })
      failure = error
    }
  }
  tell({ kind: 'not-released', message: (failure as Error).message })
}
