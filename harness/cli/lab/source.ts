/** Where a viewer gets a console from: the tee of whoever reads it, or the console itself, which is then offered to others. */
import { attach } from '../../console/attached.ts'
import type { LinkEvents } from '../../console/link.ts'
import { openSharedConsole } from '../../console/shared-console.ts'
import { consoleSocket } from '../../console/tee.ts'
import type { LineConfig } from '../../console/transports.ts'
import { LabError } from '../../errors.ts'

/** Why a viewer's own console ended that it gave to a run. */
export class ConsoleTaken extends LabError {}

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

/**
 * Opens the console, and offers it to other viewers. A run that comes gets it, and this source is `gone` then.
 * Throws LabError.
 */
export async function ownSource(
  board: string,
  line: LineConfig,
  { events, yields }: { events: LinkEvents; yields: boolean },
  signal: AbortSignal,
): Promise<Source> {
  const onYield = () => events.gone(new ConsoleTaken(`a run takes the console of ${board}`))
  return await openSharedConsole({ board, line, events, ...(yields ? { onYield } : {}) }, signal)
}
