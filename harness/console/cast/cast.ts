/**
 * Recordings of consoles as asciicast, which asciinema plays: version 2 (docs.asciinema.org/manual/asciicast/v2) and
 * version 3 (…/v3) are read and written. Bytes that are no UTF-8 are lone surrogates, as Python's `surrogateescape` has
 * them (PEP 383): byte 0xNN is U+DCNN.
 */
import { readFile, stat } from 'node:fs/promises'
import { z } from 'zod'
import { UsageError } from '../../errors.ts'
import { bytesOf, CastText, textOf } from './cast-text.ts'

export type CastEvent =
  | { atMs: number; type: 'output' | 'input'; bytes: Buffer }
  | { atMs: number; type: 'marker' | 'resize' | 'exit'; text: string }

/** A recording. Times are milliseconds since its beginning and never go back. */
export type Cast = CastHead & { events: readonly CastEvent[] }

export type CastHead = {
  /** Where it came from, for errors: a file's path. */
  name: string
  columns: number
  rows: number
  title?: string
  /** When it was recorded, milliseconds of the Unix epoch. */
  recordedAtMs?: number
}

export type CastVersion = 2 | 3

/** A recording is read into memory as a whole: an hour of a chatty console is a few megabytes. */
const maxFileBytes = 128 * 1024 * 1024
const maxLineCharacters = 8 * 1024 * 1024
/** Timers can't wait longer than some weeks, and nobody waits that long. */
const longestS = 7 * 24 * 3600

const size = z.number().int().min(1).max(1000)
const heads = z.discriminatedUnion('version', [
  z.object({
    version: z.literal(2),
    width: size,
    height: size,
    title: z.string().optional(),
    timestamp: z.number().min(0).max(1e11).optional(),
  }),
  z.object({
    version: z.literal(3),
    term: z.object({ cols: size, rows: size }),
    title: z.string().optional(),
    timestamp: z.number().min(0).max(1e11).optional(),
  }),
])
const eventLine = z.tuple([z.number().min(0).max(longestS), z.string().max(16), z.string()])

const eventTypes = { o: 'output', i: 'input', m: 'marker', r: 'resize', x: 'exit' } as const
const eventCodes = { output: 'o', input: 'i', marker: 'm', resize: 'r', exit: 'x' } as const

/** Reads a recording. Throws UsageError, with the line, where it can't be read or is none. */
export async function readCast(file: string | URL): Promise<Cast> {
  const name = file instanceof URL ? file.pathname : file
  try {
    const found = await stat(file)
    if (!found.isFile()) throw new UsageError(`${name}: is not a regular file`)
    if (found.size > maxFileBytes)
      throw new UsageError(`${name}: a recording has at most ${maxFileBytes / 1024 / 1024} MiB`)
    return parseCast(await readFile(file, 'utf8'), name)
  } catch (error) {
    if (error instanceof UsageError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new UsageError(`${name}: can't be read: ${code === 'ENOENT' ? 'no such file' : message}`, {
      cause: error,
    })
  }
}

/**
 * Parses a recording. A last line that was cut in the middle, as a killed recorder leaves it, is left out.
 * Throws UsageError with the line.
 * @param name of its file, for errors
 */
export function parseCast(text: string, name: string): Cast {
  const lines = text.split('\n')
  const isCut = lines.at(-1) !== ''
  const version = { current: 2 as CastVersion }
  let head: CastHead | undefined
  const events: CastEvent[] = []
  let lastS = 0
  for (const [index, line] of lines.entries()) {
    const fail = (why: string): never => {
      throw new UsageError(`${name}:${index + 1}: ${why}`, {
        hint: 'A recording is an asciicast of version 2 or 3; see docs/recordings.md.',
      })
    }
    if (line.trim() === '' || (head && version.current === 3 && line.startsWith('#'))) continue
    const value = parseJson(line, fail, isCut && index === lines.length - 1 && head !== undefined)
    if (value === undefined) break
    if (!head) head = parseHead(value, name, version, fail)
    else {
      const [seconds, code, data] = checked(eventLine, value, fail)
      lastS = version.current === 3 ? lastS + seconds : Math.max(lastS, seconds)
      if (version.current === 2 && seconds < lastS) fail('time goes back')
      if (lastS > longestS) fail('is longer than a week')
      const event = toEvent(lastS * 1000, code, data, fail)
      if (event) events.push(event)
    }
  }
  if (!head) throw new UsageError(`${name}: is empty`)
  return { ...head, events }
}

/** A whole recording as text. */
export function formatCast(cast: Cast, version: CastVersion = 2): string {
  let text = ''
  const writer = new CastWriter((lines) => {
    text += lines
  }, version)
  writer.begin(cast)
  for (const event of cast.events) writer.event(event)
  writer.end()
  return text
}

/** Writes a recording line by line, as things happen. */
export class CastWriter {
  readonly #write: (text: string) => void
  readonly #version: CastVersion
  readonly #texts = { output: new CastText(), input: new CastText() }
  #lastUs = 0

  /** @param write takes whole lines */
  constructor(write: (text: string) => void, version: CastVersion = 2) {
    this.#write = write
    this.#version = version
  }

  /** The first line; a recording that is gone on with has it already. */
  begin(head: Omit<CastHead, 'name'>): void {
    this.#write(`${JSON.stringify(headLine(head, this.#version))}\n`)
  }

  /** Times must not go back; one that does counts as no time passed. */
  event(event: CastEvent): void {
    // A character whose bytes came apart waits for its rest, or players would show two wrong ones.
    const text = 'text' in event ? event.text : this.#texts[event.type].push(event.bytes)
    if (text !== '') this.#line(event.atMs, event.type, text)
  }

  /** Writes what still waited. */
  end(): void {
    for (const type of ['output', 'input'] as const) {
      const text = this.#texts[type].flush()
      if (text !== '') this.#line(this.#lastUs / 1000, type, text)
    }
  }

  #line(atMs: number, type: CastEvent['type'], text: string): void {
    const atUs = Math.max(this.#lastUs, Math.round(atMs * 1000))
    const seconds = (this.#version === 3 ? atUs - this.#lastUs : atUs) / 1e6
    this.#lastUs = atUs
    this.#write(`${JSON.stringify([seconds, eventCodes[type], text])}\n`)
  }
}

type Fail = (why: string) => never

function headLine(head: Omit<CastHead, 'name'>, version: CastVersion): object {
  const about = {
    ...(head.recordedAtMs === undefined ? {} : { timestamp: Math.floor(head.recordedAtMs / 1000) }),
    ...(head.title === undefined ? {} : { title: head.title }),
  }
  return version === 3
    ? { version, term: { cols: head.columns, rows: head.rows }, ...about }
    : { version, width: head.columns, height: head.rows, ...about }
}

function parseHead(value: unknown, name: string, version: { current: CastVersion }, fail: Fail): CastHead {
  const head = checked(heads, value, fail)
  version.current = head.version
  const [columns, rows] = head.version === 3 ? [head.term.cols, head.term.rows] : [head.width, head.height]
  return {
    name,
    columns,
    rows,
    ...(head.title === undefined ? {} : { title: head.title }),
    ...(head.timestamp === undefined ? {} : { recordedAtMs: head.timestamp * 1000 }),
  }
}

function toEvent(atMs: number, code: string, data: string, fail: Fail): CastEvent | undefined {
  // What a later version of the format adds is to be ignored, says its specification.
  if (!Object.hasOwn(eventTypes, code)) return undefined
  const type = eventTypes[code as keyof typeof eventTypes]
  if (type !== 'output' && type !== 'input') return { atMs, type, text: data }
  const bytes = bytesOf(data)
  return bytes ? { atMs, type, bytes } : fail(`has a lone surrogate that is no byte: ${shown(data)}`)
}

function parseJson(line: string, fail: Fail, mayBeCut: boolean): unknown {
  if (line.length > maxLineCharacters) fail(`a line has at most ${maxLineCharacters} characters`)
  try {
    return JSON.parse(line)
  } catch {
    return mayBeCut ? undefined : fail(`is no JSON: ${shown(line)}`)
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown, fail: Fail): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const place = issue?.path.length ? `${issue.path.join('.')}: ` : ''
  return fail(`is no line of an asciicast: ${place}${issue?.message}; found ${shown(JSON.stringify(value))}`)
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)
}

/** Bytes as people read them in an error: `"\u001b[B"`. */
export function showBytes(bytes: Buffer): string {
  return shown(textOf(bytes))
}
