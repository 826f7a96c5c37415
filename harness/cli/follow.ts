/** Follows a journal while it is written, as `tail -f` does. */
import { open } from 'node:fs/promises'
import { systemClock } from '../clock.ts'
import type { JournalEvent } from '../journal/events.ts'
import { parseEvent } from '../journal/journal.ts'

const pollMs = 100

/** Hands each event to `onEvent` until `done` resolves and everything written by then was read. */
export async function followJournal(
  file: string,
  onEvent: (event: JournalEvent) => void,
  done: Promise<unknown>,
): Promise<void> {
  await using handle = await open(file)
  const buffer = Buffer.alloc(65_536)
  let rest: Buffer = Buffer.alloc(0)
  let ended = false
  const end = done.finally(() => {
    ended = true
  })
  end.catch(() => {})
  for (;;) {
    // Read once more after the end: the last events came before it.
    const last = ended
    for (;;) {
      const { bytesRead } = await handle.read(buffer)
      if (bytesRead === 0) break
      rest = handLines(Buffer.concat([rest, buffer.subarray(0, bytesRead)]), onEvent)
    }
    if (last) return
    await Promise.race([systemClock.sleep(pollMs), end.catch(() => {})])
  }
}

function handLines(bytes: Buffer, onEvent: (event: JournalEvent) => void): Buffer {
  let start = 0
  for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
    const event = parseEvent(bytes.toString('utf8', start, end))
    if (event) onEvent(event)
    start = end + 1
  }
  return Buffer.from(bytes.subarray(start))
}
