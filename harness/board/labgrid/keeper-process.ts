/** The harness's side of a keeper: starts one, hears it, and ends it, which releases the place. */
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { Deadline } from '../../deadline.ts'
import { LabError } from '../../errors.ts'
import { LabgridClient, labgridName } from '../../power/labgrid-client.ts'
import { type KeeperMessage, type KeeperTask, parseMessage } from './keeper-messages.ts'

const keeperFile = fileURLToPath(new URL('./keeper.ts', import.meta.url))
/** Beyond all its attempts to release. */
const endLimitMs = 300_000

export class Keeper implements AsyncDisposable {
  readonly #child
  readonly #ended: Promise<void>
  readonly #lost = new AbortController()
  readonly #board: string
  readonly #log: (text: string) => void
  readonly #task: KeeperTask
  #last: KeeperMessage | undefined
  #place: string | undefined
  #heard = () => {}

  constructor(board: string, task: KeeperTask, log: (text: string) => void) {
    this.#board = board
    this.#log = log
    this.#task = task
    this.#child = execa(process.execPath, [keeperFile, JSON.stringify(task)], {
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
      buffer: { stdout: false },
      // It outlives Ctrl-C and whatever else ends the harness; then its standard input closes.
      detached: true,
      cleanup: false,
      reject: false,
    })
    // It may end before we close it.
    this.#child.stdin.on('error', () => {})
    const lines = createInterface(this.#child.stdout)
    lines.on('line', (line) => this.#hear(parseMessage(line)))
    this.#ended = this.#child.then((result) => {
      if (result.exitCode === 0 && this.#last !== undefined) return
      const words = result.stderr?.trim().split('\n').at(-1)
      const message = `the keeper of the labgrid place ended (${result.exitCode ?? result.signal}): ${words}`
      this.#hear({ kind: 'failed', message })
    })
  }

  /** Aborted when the place is not ours any more; its reason is a LabError that says why. */
  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /**
   * The name of the place once it is ours, undefined when it was taken and the wait, if any, is over.
   * Throws LabError or the signal's reason; the keeper still has to be disposed of.
   */
  async acquired(signal: AbortSignal): Promise<string | undefined> {
    for (;;) {
      signal.throwIfAborted()
      const message = this.#last
      if (this.#place !== undefined) return this.#place
      if (message?.kind === 'taken') return undefined
      if (message?.kind === 'failed') throw this.#failure(message)
      await this.#next(signal)
    }
  }

  /** Releases the place. What stands in the way is told to the log: the run's own result counts more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end()
    using deadline = new Deadline(endLimitMs)
    const late = new Promise<void>((resolve) => {
      deadline.signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([this.#ended, late])
    if (this.#place !== undefined && !/released$/.test(this.#last?.kind ?? ''))
      await this.#release(this.#place)
  }

  /** For a keeper that was killed. */
  async #release(place: string): Promise<void> {
    const holder = labgridName(this.#task.client.user)
    try {
      await new LabgridClient(this.#task.client).run(['-p', place, 'release-from', holder])
      this.#hear({ kind: 'released' })
    } catch (error) {
      this.#hear({ kind: 'not-released', message: (error as Error).message })
    }
  }

  #next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#heard = done
      signal.addEventListener('abort', done, { once: true })
    })
  }

  #hear(message: KeeperMessage): void {
    this.#last = message
    if (message.kind === 'acquired') this.#place = message.place
    if (message.kind === 'lost') {
      this.#log(message.message)
      this.#lost.abort(new LabError(message.message, { board: this.#board }))
    }
    if (message.kind === 'not-released') this.#log(`the labgrid place stays taken: ${message.message}`)
    if (message.kind === 'released') this.#log('the labgrid place is released')
    if (message.kind === 'waiting') this.#log('wait for the labgrid place')
    if (message.kind === 'failed' || message.kind === 'again') this.#log(message.message)
    this.#heard()
  }

  #failure({ message, hint }: { message: string; hint?: string | undefined }): LabError {
    return new LabError(message, { board: this.#board, ...(hint === undefined ? {} : { hint }) })
  }
}
