/** Whether a board that was switched off still answers: a relay may say yes and do nothing. */
import { systemClock } from '../clock.ts'
import type { Console } from '../console/console.ts'

export type Patience = {
  /** What a board may still say after its power went: what was in a buffer on the way. */
  drainMs: number
  /** How long a shell or a loader takes to echo a key. */
  echoMs: number
}

/** The end of what it says to a key; undefined: nothing. */
export async function answersWhenOff(
  console: Console,
  { drainMs, echoMs }: Patience,
  signal: AbortSignal,
): Promise<string | undefined> {
  await systemClock.sleep(drainMs, signal)
  const from = console.position
  // An adapter that the board feeds has gone with it.
  await console.write('\n').catch(() => {})
  await systemClock.sleep(echoMs, signal)
  return console.position === from ? undefined : console.since(from).slice(-100)
}
