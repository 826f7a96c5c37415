/** The run's append-only record: one JSON object a line, written as things happen. */
import { closeSync, createReadStream, existsSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { systemClock } from '../clock.ts'
import { LabError } from '../errors.ts'
import { event, type JournalEvent, type NewEvent } from './events.ts'

const newline = 0x0a

/**
 * Appends events to a journal. Several processes may append to one journal: each event is one write(2) on a
 * file opened with O_APPEND, so that lines never mix, and it is in the kernel's page cache when `add` returns,
 * so that a killed harness loses nothing.
 */
export class JournalWriter implements Disposable {
  readonly #file: string
  readonly #fd: number
  readonly #lastByte = Buffer.alloc(1)

  constructor(file: string) {
    this.#file = file
    try {
      this.#fd = openSync(file, 'a+')
    } catch (error) {
      throw cannotWrite(file, error)
    }
  }

  /** Stamps an event with the monotonic clock unless it has a stamp, and appends it. Throws a LabError when the disk is full. */
  add(entry: NewEvent): JournalEvent {
    const stamped = { ...entry, t: entry.t ?? Number(systemClock.nowNs()) } as JournalEvent
    try {
      const line = Buffer.from(`${this.#isTorn() ? '\n' : ''}${JSON.stringify(stamped)}\n`)
      if (writeSync(this.#fd, line) < line.length)
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    } catch (error) {
      throw cannotWrite(this.#file, error)
    }
    return stamped
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd)
  }

  /** A line that a full disk or a kill cut short, here or in another process, is closed first: only that one is lost. */
  #isTorn(): boolean {
    const { size } = fstatSync(this.#fd)
    return (
      size > 0 && readSync(this.#fd, this.#lastByte, 0, 1, size - 1) === 1 && this.#lastByte[0] !== newline
    )
  }
}

function cannotWrite(file: string, error: unknown): LabError {
  const full = (error as NodeJS.ErrnoException).code === 'ENOSPC'
  return new LabError(
    full ? `the disk is full: cannot append to ${file}` : `cannot write ${file}: ${(error as Error).message}`,
    {
      hint: full
        ? 'Free some space or choose another folder with --results DIR; what was written so far is kept.'
        : 'Choose a folder that can be written with --results DIR.',
      cause: error,
    },
  )
}

/**
 * Reads a journal's events in order. Lines that are no event (torn by a kill or a full disk, or from a newer
 * harness) are counted to `onSkipped` and passed over: a report of the rest is worth more than none.
 */
export async function* readJournal(
  file: string,
  onSkipped: (line: string) => void = () => {},
): AsyncGenerator<JournalEvent> {
  if (!existsSync(file))
    throw new LabError(`no journal at ${file}`, { hint: 'Name a run folder, such as results/latest.' })
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    const parsed = parseEvent(line)
    if (parsed) yield parsed
    else if (line.trim() !== '') onSkipped(line)
  }
}

/** One journal line as an event, or undefined where it is none. */
export function parseEvent(line: string): JournalEvent | undefined {
  try {
    return event.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}
