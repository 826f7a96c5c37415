/** What a run holds of the rack: its boards' locks, their labgrid places, and the bench rig; given back however it ends. */
import { startRig } from '../../../qemu/rig/rig.ts'
import { type Descriptor, parsedDescriptor } from '../../board/descriptor.ts'
import { isReal, kindOf, type RealDescriptor } from '../../board/kinds.ts'
import { acquirePlace } from '../../board/labgrid/place.ts'
import { takeLock } from '../../board/lock.ts'
import { refuseQuarantined } from '../../board/quarantine.ts'
import { checkedMs } from '../../duration.ts'
import { HarnessError, LabError } from '../../errors.ts'
import type { Progress } from '../progress.ts'
import { rigBoard } from './rig-board.ts'

type Watch = { command: string; progress: Progress; signal: AbortSignal }

/** A board that a run may use: its descriptor as a real board's, and what ends that. */
type Held = { descriptor: RealDescriptor; lost?: AbortSignal }

export class Hold implements AsyncDisposable {
  readonly #held = new Map<string, Held>()
  /** Boards that can't be had now, and why. */
  readonly refused = new Map<string, HarnessError>()
  readonly #resources = new AsyncDisposableStack()

  private constructor() {}

  /** Takes what can be had of these boards; QEMU boards need nothing. Throws only the signal's reason, or a bug. */
  static async take(descriptors: readonly Descriptor[], watch: Watch): Promise<Hold> {
    const hold = new Hold()
    try {
      for (const descriptor of descriptors)
        if (kindOf(descriptor) !== 'qemu') await hold.#try(descriptor, () => hold.#lock(descriptor, watch))
      const free = descriptors.filter((one) => kindOf(one) !== 'qemu' && !hold.refused.has(one.name))
      await hold.#startRig(
        free.filter((one) => kindOf(one) === 'rig'),
        watch,
      )
      for (const descriptor of free.filter((one) => kindOf(one) === 'real'))
        await hold.#try(descriptor, () => hold.#reach(descriptor, watch))
      return hold
    } catch (error) {
      await hold[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Boards of the rack, whether they could be had or not. */
  get boards(): string[] {
    return [...this.#held.keys(), ...this.refused.keys()]
  }

  /** The board as a real one; undefined for a QEMU board and for one that can't be had. */
  descriptor(board: string): RealDescriptor | undefined {
    return this.#held.get(board)?.descriptor
  }

  /** Aborted with a LabError when the board is not ours any more; undefined where that can't happen. */
  lost(board: string): AbortSignal | undefined {
    return this.#held.get(board)?.lost
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync()
  }

  async #try({ name }: Descriptor, take: () => Promise<void>): Promise<void> {
    try {
      await take()
    } catch (error) {
      if (!(error instanceof HarnessError)) throw error
      this.refused.set(name, error)
    }
  }

  async #lock({ name }: Descriptor, { command }: Watch): Promise<void> {
    refuseQuarantined(name)
    this.#resources.use(await takeLock(name, command))
  }

  /** One rig for all boards of it, since they share daemons as boards in a rack do. */
  async #startRig(boards: Descriptor[], { progress, signal }: Watch): Promise<void> {
    if (boards.length === 0) return
    try {
      const spec = await Promise.all(boards.map((board) => rigBoard(board, { progress, signal })))
      const rig = this.#resources.use(await startRig(spec, { progress, signal }))
      for (const { machine: _machine, ...descriptor } of boards)
        this.#held.set(descriptor.name, {
          descriptor: real(parsedDescriptor.parse({ ...descriptor, ...rig.connection(descriptor.name) })),
        })
    } catch (error) {
      if (!(error instanceof HarnessError)) throw error
      for (const { name } of boards) this.refused.set(name, error)
    }
  }

  async #reach(descriptor: Descriptor, { progress, signal }: Watch): Promise<void> {
    const { name, place, coordinator, placeWait } = descriptor
    if (place === undefined) return void this.#held.set(name, { descriptor: real(descriptor) })
    const acquired = this.#resources.use(
      await acquirePlace(
        {
          board: name,
          place,
          coordinator,
          waitMs: placeWait === undefined ? 0 : checkedMs(placeWait),
          log: progress,
        },
        signal,
      ),
    )
    const { console, power, ...own } = descriptor
    const resolved = parsedDescriptor.parse({
      ...own,
      console: console.type === 'place' ? needed(acquired.console, 'serial port', acquired.name) : console,
      power: power.type === 'place' ? needed(acquired.power, 'power port', acquired.name) : power,
    })
    this.#held.set(name, { descriptor: real(resolved), lost: acquired.lost })
  }
}

function real(descriptor: Descriptor): RealDescriptor {
  if (isReal(descriptor)) return descriptor
  throw new LabError(`${descriptor.name} has no console or power of its own`)
}

function needed<T>(found: T | undefined, what: string, place: string): T {
  if (found !== undefined) return found
  throw new LabError(`the labgrid place ${place} has no ${what} that can be used from here`, {
    hint: `Add one to its exporter, or name the board's own in its descriptor. See: labgrid-client -p ${place} show`,
  })
}
