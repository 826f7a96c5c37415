/** The boards of a rack while a run uses them: their consoles are read, and each is off in the end. */
import { LabError } from '../../errors.ts'
import type { NewEvent } from '../../journal/events.ts'
import { openPower } from '../../power/control.ts'
import type { RunnerEnd } from '../runner.ts'
import type { Hold } from './hold.ts'
import { Consoles } from './keep-consoles.ts'

type Tell = { add: (event: NewEvent) => void; stop: () => void }

export class Rack implements AsyncDisposable {
  readonly #hold: Hold
  readonly #consoles: Consoles | undefined
  readonly #tell: Tell

  private constructor(hold: Hold, consoles: Consoles | undefined, tell: Tell) {
    this.#hold = hold
    this.#consoles = consoles
    this.#tell = tell
  }

  /** Opens the console of each board that is held. */
  static async open(hold: Hold, folder: string, tell: Tell): Promise<Rack> {
    const held = hold.boards.filter((board) => hold.descriptor(board))
    // What the console says can no longer be kept: nothing that follows could be proven.
    const onFailure = (board: string, { kind, message, hint }: LabError) => {
      tell.add({ type: 'board-unavailable', board, failure: { kind, message, hint } })
      tell.stop()
    }
    const consoles = held.length === 0 ? undefined : await Consoles.keep(folder, held, onFailure)
    return new Rack(hold, consoles, tell)
  }

  has(board: string): boolean {
    return this.#hold.boards.includes(board)
  }

  /** Runs something with a board that can be used; of another one it is told why it can't. Off in the end, if it was used. */
  async run(
    board: string,
    signal: AbortSignal,
    use: (signal: AbortSignal) => Promise<RunnerEnd>,
  ): Promise<void> {
    const refused = this.#hold.refused.get(board) ?? this.#consoles?.refused.get(board)
    if (refused) {
      const { kind, message, hint } = refused
      return this.#tell.add({ type: 'board-unavailable', board, failure: { kind, message, hint } })
    }
    const lost = this.#hold.lost(board)
    const { exitCode } = await use(lost ? AbortSignal.any([signal, lost]) : signal)
    if (lost?.aborted) {
      const { message } = lost.reason as Error
      return this.#tell.add({ type: 'board-unavailable', board, failure: { kind: 'lab', message } })
    }
    // A suite switches off what it used, unless it was killed.
    if (exitCode !== 0) await this.#switchOff(board)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consoles?.[Symbol.asyncDispose]()
  }

  async #switchOff(board: string): Promise<void> {
    try {
      await using power = await openPower(board, this.#hold.descriptor(board)!.power)
      await power.off(new AbortController().signal)
    } catch (error) {
      if (!(error instanceof LabError)) throw error
      this.#tell.add({ type: 'note', board, text: `left on: ${error.message}` })
    }
  }
}
