/** Where a viewer gets a console from: the tee of whoever reads it, or the console itself, which is then offered to others. */
import { attach } from '../../console/attached.ts'
import { type LinkEvents, openLink } from '../../console/link.ts'
import { consoleSocket, Tee } from '../../console/tee.ts'
import { connectTo, type LineConfig, paceOf } from '../../console/transports.ts'
import { LabError } from '../../errors.ts'

/** A console that is seen, and can be written to. */
export type Source = AsyncDisposable & {
  write(bytes: Buffer): Promise<void>
  /** False: this console has no way to. */
  sendBreak(): Promise<boolean>
}

/** Attaches to whoever reads the console; undefined where nobody of this user does. */
export async function attachedSource(board: string, events: LinkEvents): Promise<Source | undefined> {
  try {
    return await attach(board, consoleSocket(board), events)
  } catch (error) {
    if (error instanceof LabError) return undefined
    throw error
  }
}

/** Opens the console, and offers it to other viewers and to runs of this user. Throws LabError. */
export async function ownSource(
  board: string,
  line: LineConfig,
  events: LinkEvents,
  signal: AbortSignal,
): Promise<Source> {
  await using opened = new AsyncDisposableStack()
  let tee: Tee | undefined
  const link = opened.use(
    await openLink(
      {
        connect: await connectTo(line),
        pace: paceOf(line),
        what: `console of ${board}`,
        events: {
          bytes: (chunk, atNs) => {
            tee?.bytes(chunk, atNs)
            events.bytes(chunk, atNs)
          },
          lost: (reason, atNs) => {
            tee?.lost(reason, atNs)
            events.lost(reason, atNs)
          },
          back: (atNs) => {
            tee?.back(atNs)
            events.back(atNs)
          },
          gone: (error) => {
            tee?.gone(error)
            events.gone(error)
          },
        },
      },
      signal,
    ),
  )
  tee = opened.use(await Tee.offer(board, link))
  const held = opened.move()
  return {
    write: (bytes) => link.write(bytes),
    sendBreak: () => link.sendBreak(),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}
