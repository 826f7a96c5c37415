/** Starts the process that keeps the consoles of a run, and hears which of them it has. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type HarnessError, LabError, UsageError } from '../../errors.ts'

/** What the keeper tells: of each board once whether it has its console; later what it can't record any more. */
export type KeeperMessage =
  | { type: 'kept'; board: string }
  | { type: 'refused'; board: string; message: string; hint: string | undefined; kind: 'usage' | 'lab' }
  | { type: 'recording-failed'; board: string; message: string; hint: string | undefined }

/**
 * The collector's helper threads take turns with the reader on a busy host, and a pause delays the stamps of all
 * consoles: alone it pauses shorter. `npm run bench -- consoles` shows it.
 */
export const keeperNodeArguments = ['--single-threaded-gc']

export class Consoles implements AsyncDisposable {
  /** Boards whose console could not be opened, and why. */
  readonly refused = new Map<string, HarnessError>()
  readonly #child: ReturnType<typeof fork>

  private constructor(child: ReturnType<typeof fork>) {
    this.#child = child
  }

  /**
   * Opens the consoles of these boards, whose plan is in the run's journal; resolves when each is open or refused.
   * `onFailure` hears of a board whose console can't be recorded any more.
   */
  static async keep(
    run: string,
    boards: readonly string[],
    onFailure: (board: string, error: LabError) => void,
  ): Promise<Consoles> {
    const file = fileURLToPath(new URL('./keeper-process.ts', import.meta.url))
    // A group of its own: Ctrl-C must not end it before the boards are switched off.
    const child = fork(file, [run, ...boards], {
      execArgv: keeperNodeArguments,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true,
    })
    const consoles = new Consoles(child)
    let stderr = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-4_000)
    })
    const waiting = new Set(boards)
    const { promise, resolve } = Promise.withResolvers<void>()
    const settle = (board: string, error?: HarnessError) => {
      if (error) consoles.refused.set(board, error)
      waiting.delete(board)
      if (waiting.size === 0) resolve()
    }
    child.on('message', (message: KeeperMessage) => {
      const { board } = message
      if (message.type === 'kept') return settle(board)
      const error = new (message.type === 'refused' && message.kind === 'usage' ? UsageError : LabError)(
        message.message,
        { board, ...(message.hint === undefined ? {} : { hint: message.hint }) },
      )
      if (message.type === 'refused') settle(board, error)
      else onFailure(board, error as LabError)
    })
    child.on('exit', () => {
      for (const board of [...waiting])
        settle(board, new LabError(`the process that reads the consoles ended: ${stderr.trim()}`, { board }))
    })
    await promise
    return consoles
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.disconnect()
    await ended
  }
}
