/** Keeps a board's console for a whole run: one reader, which records it and lets others attach. */
import { Console } from '../console/console.ts'
import { ConsoleRecorder } from '../console/recorder.ts'
import { openSharedConsole } from '../console/shared-console.ts'
import type { LabError } from '../errors.ts'
import type { RealDescriptor } from './kinds.ts'
import { passwordsOf } from './passwords.ts'

export type KeeperOptions = {
  descriptor: RealDescriptor
  /** Where console/BOARD.raw and .log go. */
  folder: string
  /** The run's start on the monotonic clock, nanoseconds. */
  originNs: bigint
  /** Called once, when recording failed. */
  onFailure: (error: LabError) => void
}

export class ConsoleKeeper implements AsyncDisposable {
  readonly #resources: AsyncDisposableStack

  private constructor(resources: AsyncDisposableStack) {
    this.#resources = resources
  }

  /** Opens the console and offers its tee. Throws LabError (no port, refused, read by another, a missing secret …). */
  static async open(options: KeeperOptions, signal: AbortSignal): Promise<ConsoleKeeper> {
    const { descriptor, ...recording } = options
    const { name } = descriptor
    await using resources = new AsyncDisposableStack()
    const secrets = await passwordsOf(descriptor)
    const recorder = resources.use(new ConsoleRecorder({ ...recording, board: name, secrets }))
    // Its lines are recorded; nothing is typed here.
    const console = new Console({ write: async () => {} }, recorder)
    resources.use(
      await openSharedConsole(
        {
          board: name,
          line: descriptor.console,
          events: {
            bytes: (chunk, atNs) => console.feed(chunk, atNs),
            lost: (reason, atNs) => console.hole(reason, atNs),
            back: (atNs) => console.back(atNs),
            gone: (error) => console.close(error.message),
          },
        },
        signal,
      ),
    )
    return new ConsoleKeeper(resources.move())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync()
  }
}
