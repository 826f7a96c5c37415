/** A console that this process reads and others of this user may attach to. */
import { systemClock } from '../clock.ts'
import type { LabError } from '../errors.ts'
import { type Link, type LinkEvents, openLink } from './link.ts'
import { Tee } from './tee.ts'
import { connectTo, type LineConfig, paceOf } from './transports.ts'

export type SharedConsoleOptions = {
  board: string
  line: LineConfig
  events: LinkEvents
  /** Told of what anybody types at it, and when; nanoseconds of the monotonic clock. */
  onTyped?: (bytes: Buffer, atNs: bigint) => void
  /** Told when a run wants to read the console itself; absent: it is not given up. */
  onYield?: () => void
}

/** A console that is seen, and can be written to. */
export type SharedConsole = Pick<Link, 'write' | 'sendBreak'> & AsyncDisposable

/**
 * Opens a console and offers its tee. A viewer that reads it gives it up for that; another run does not.
 * Throws LabError (no port, refused, read by another …) or the signal's reason.
 */
export async function openSharedConsole(
  { board, line, events, onTyped, onYield }: SharedConsoleOptions,
  signal: AbortSignal,
): Promise<SharedConsole> {
  await using resources = new AsyncDisposableStack()
  let link: Link | undefined
  const write = async (bytes: Buffer) => {
    const opened = await open()
    onTyped?.(bytes, systemClock.nowNs())
    await opened.write(bytes)
  }
  const open = async () => link ?? Promise.reject(new Error('the console is still being opened'))
  // First the tee: whoever reads the console has to give it up before it can be opened.
  const tee = resources.use(
    await Tee.offer(board, {
      write,
      sendBreak: async () => await (await open()).sendBreak(),
      reopen: async () => await (await open()).reopen(),
      get lateness() {
        return link?.lateness
      },
      ...(onYield ? { yield: onYield } : {}),
    }),
  )
  link = resources.use(
    await openLink(
      {
        connect: await connectTo(line),
        pace: paceOf(line),
        what: `console of ${board}`,
        events: teed(tee, events),
      },
      signal,
    ),
  )
  const held = resources.move()
  return {
    write,
    sendBreak: () => link.sendBreak(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** What happens is told to both, to our own side first. */
function teed(tee: Tee, events: LinkEvents): LinkEvents {
  return {
    bytes(chunk, atNs) {
      events.bytes(chunk, atNs)
      tee.bytes(chunk, atNs)
    },
    lost(reason, atNs) {
      events.lost(reason, atNs)
      tee.lost(reason, atNs)
    },
    back(atNs) {
      events.back(atNs)
      tee.back(atNs)
    },
    gone(error: LabError) {
      events.gone(error)
      tee.gone(error)
    },
  }
}
