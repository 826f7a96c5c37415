/** Keeps a board's console for a whole run: one reader, which records it and lets others attach. */
import { ConsoleRecorder } from '../console/recorder.ts'
import { openSharedConsole } from '../console/shared-console.ts'
import { Transcript } from '../console/transcript.ts'
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
    // Who expects something of it attaches; here it is only recorded.
    const transcript = new Transcript(recorder)
    resources.use(
      await openSharedConsole(
        {
          board: name,
          line: descriptor.console,
          onTyped: (bytes, atNs) => transcript.typed(bytes, atNs),
          events: {
            bytes: (chunk, atNs) => transcript.push(chunk, atNs),
            lost: (reason, atNs) => transcript.lost(reason, atNs),
            back: (atNs) => transcript.back(atNs),
            gone: () => transcript.end(),
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
