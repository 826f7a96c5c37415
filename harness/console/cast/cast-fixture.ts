/** For tests: a console and its screen on a recording. */
import { Console } from '../console.ts'
import { Screen } from '../screen.ts'
import { type Cast, readCast } from './cast.ts'
import { type FaultOptions, withFaults } from './faults.ts'
import { type PlayOptions, playCast } from './player.ts'

export type OpenCastOptions = PlayOptions & {
  /** Puts a bad line between the recording and the console. */
  faults?: FaultOptions
}

export type OpenCast = AsyncDisposable & {
  console: Console
  screen: Screen
  /** Resolves with the reason when the recording is over, or something else was typed than it has. */
  ended: Promise<string>
}

/**
 * Plays a recording to a console and a screen that are there before its first byte.
 * `new URL('../recordings/x.cast', import.meta.url)` finds one beside the code.
 */
export async function openCast(
  recording: string | URL | Cast,
  { faults, ...options }: OpenCastOptions = {},
): Promise<OpenCast> {
  const cast =
    typeof recording === 'string' || recording instanceof URL ? await readCast(recording) : recording
  const play = playCast(cast, options)
  const ended = Promise.withResolvers<string>()
  const connected = Promise.withResolvers<void>()
  const console = new Console({
    write: async (bytes) => {
      await connected.promise
      await connection.write(bytes)
    },
  })
  const screen = new Screen(console, { columns: cast.columns, rows: cast.rows })
  const sink = {
    bytes: (chunk: Buffer, atNs: bigint) => console.feed(chunk, atNs),
    ended: (reason: string) => {
      console.close(reason)
      ended.resolve(reason)
    },
  }
  const connection = await (faults ? withFaults(play, faults) : play)(sink, new AbortController().signal)
  connected.resolve()
  return {
    console,
    screen,
    ended: ended.promise,
    [Symbol.asyncDispose]: async () => {
      await connection.close()
      screen[Symbol.dispose]()
    },
  }
}
