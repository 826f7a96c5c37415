/** A console: stamped bytes in, lines and matches out. One reader for the whole run. */
import { systemClock } from '../clock.ts'
import { GarbleWatch } from './garble.ts'
import type { Line } from './lines.ts'
import type { ConsoleRecorder } from './recorder.ts'
import { redactText } from './redact.ts'
import { Transcript } from './transcript.ts'
import { TextWindow } from './window.ts'

/** What a transport offers to a console: a way to write. Bytes that arrive are handed to `feed`. */
export type Transport = {
  write(bytes: Buffer): Promise<void>
}

/** A place in the console's text where a matcher found what it looked for. */
export type Match = {
  /** The text that matched. */
  text: string
  groups: string[]
  /** Position after the match, for the next expect's `from`. */
  end: number
  /** Arrival of the match's first character, nanoseconds. */
  atNs: bigint
}

/** Finds something in text: index and length of the match, or undefined. */
export type Matcher = (text: string) => { index: number; length: number; groups?: string[] } | undefined

export type ExpectOptions = {
  timeoutMs: number
  signal?: AbortSignal
  /** Where to begin looking; without it, at what arrives from now on. */
  from?: number
  /** What a person would call it, for the error. */
  what: string
}

/** Where the connection was lost and what the board said is missing. */
export type Hole = {
  reason: string
  /** In the console's text. */
  position: number
  atNs: bigint
  /** When it was back; undefined while it is not. */
  backNs: bigint | undefined
}

export type ConsoleOptions = {
  /** The speed that the descriptor says the line has, bits a second; for what is said of garble. */
  baud?: number
  /** Shown as asterisks in every line that is handed out. */
  secrets?: readonly string[]
}

/** Thrown by `expect`: callers say whose fault it is. */
export class ConsoleTimeout extends Error {
  override name = 'ConsoleTimeout'
  readonly timeoutMs: number
  readonly lastLine: string

  constructor(what: string, timeoutMs: number, lastLine: string) {
    super(
      `no ${what} within ${Math.round(timeoutMs) / 1000} s; last line: ${JSON.stringify(lastLine.slice(0, 200))}`,
    )
    this.timeoutMs = timeoutMs
    this.lastLine = lastLine
  }
}

/** Thrown by `expect` and `write` once the other end is gone. */
export class ConsoleClosed extends Error {
  override name = 'ConsoleClosed'
}

/** A match of a RegExp spans at most this many characters, so that a slow trickle is scanned only once. */
const maxMatchSpan = 4096
/** A Matcher may see through kernel messages, so that what it looks for is spread further. */
const maxMatcherSpan = 16_384
/** The text in which the last lines are looked for: some four hundred of a kernel's. */
const recentCharacters = 32_768

type Waiter = { scan: () => void; fail: (error: Error) => void }

export class Console {
  readonly #transport: Transport
  readonly #secrets: readonly string[]
  readonly #garble: GarbleWatch
  readonly #transcript: Transcript
  readonly #window = new TextWindow()
  readonly #listeners = new Set<(line: Line) => void>()
  readonly #holeListeners = new Set<(hole: Hole) => void>()
  readonly #byteListeners = new Set<(chunk: Buffer) => void>()
  readonly #waiters = new Set<Waiter>()
  readonly #holes: Hole[] = []
  #closed: ConsoleClosed | undefined

  constructor(transport: Transport, recorder?: ConsoleRecorder, options: ConsoleOptions = {}) {
    this.#transport = transport
    this.#transcript = new Transcript(recorder)
    this.#secrets = options.secrets ?? []
    this.#garble = new GarbleWatch(options.baud)
  }

  /** Takes in bytes that arrived at `atNs`. Never waits: whoever reads from this console cannot stall the board. */
  feed(chunk: Buffer, atNs: bigint): void {
    this.#garble.push(chunk)
    const { plain, lines } = this.#transcript.push(chunk, atNs)
    this.#window.push(plain, atNs)
    this.#deliver(lines)
    for (const waiter of this.#waiters) waiter.scan()
    for (const listener of this.#byteListeners) listener(chunk)
  }

  /**
   * Says that the connection was lost: what the board says from now on is missing until `back`. The unfinished line
   * is handed out as cut; whoever expects something goes on waiting.
   */
  hole(reason: string, atNs: bigint): void {
    if (this.#closed || this.#openHole) return
    const hole: Hole = { reason, position: this.position, atNs, backNs: undefined }
    this.#holes.push(hole)
    const cut = this.#transcript.lost(reason, atNs)
    this.#deliver(cut)
    // What comes before and after is not one line, and no pattern must take it for one.
    if (cut.length > 0) this.#window.push(Buffer.from('\n'), atNs)
    for (const listener of this.#holeListeners) listener(hole)
  }

  /** Says that the connection is there again. */
  back(atNs: bigint): void {
    const hole = this.#openHole
    if (!hole) return
    hole.backNs = atNs
    this.#transcript.back(atNs)
  }

  /** Says that no more bytes will come; everyone who waits is told. */
  close(reason: string): void {
    if (this.#closed) return
    this.#deliver(this.#transcript.end())
    this.#closed = new ConsoleClosed(reason)
    for (const waiter of [...this.#waiters]) waiter.fail(this.#closed)
  }

  async write(text: string): Promise<void> {
    if (this.#closed) throw this.#closed
    const bytes = Buffer.from(text)
    this.#transcript.typed(bytes, systemClock.nowNs())
    await this.#transport.write(bytes)
  }

  /** Calls back for every line from now on; returns what ends it. */
  onLine(listener: (line: Line) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Calls back with every chunk as it came, control sequences and all, from now on; returns what ends it. */
  onBytes(listener: (chunk: Buffer) => void): () => void {
    this.#byteListeners.add(listener)
    return () => this.#byteListeners.delete(listener)
  }

  /** Calls back for every hole that begins from now on; returns what ends it. */
  onHole(listener: (hole: Hole) => void): () => void {
    this.#holeListeners.add(listener)
    return () => this.#holeListeners.delete(listener)
  }

  /** What must not be shown, whoever asks. */
  get secrets(): readonly string[] {
    return this.#secrets
  }

  /** Where something is missing, oldest first. */
  get holes(): readonly Hole[] {
    return this.#holes
  }

  /** What is wrong with the line, in words for a LabError: a wrong speed, lost input; undefined where nothing is. */
  get garble(): string | undefined {
    return this.#garble.trouble
  }

  /** Position after the last character that has arrived. */
  get position(): number {
    return this.#window.end
  }

  /** The text from a position on, without control sequences. */
  since(position: number): string {
    return this.#window.since(position)
  }

  /** The last lines, oldest first, with the unfinished one at the end. */
  lastLines(count: number): string[] {
    // Cut from the text when asked: lines that are kept cost the garbage collector a pause, and each pause delays stamps.
    const text = this.#window.since(Math.max(0, this.#window.end - recentCharacters))
    const lines = redactText(text, this.#secrets).split(/\r*\n/)
    const partial = lines.pop()!.replace(/\r+$/, '')
    return (partial === '' ? lines : [...lines, partial]).slice(-count)
  }

  /** The last line that has something on it. */
  get lastLine(): string {
    return this.lastLines(Number.POSITIVE_INFINITY).findLast((line) => line.trim() !== '') ?? ''
  }

  /**
   * Waits until the pattern is found in the text from `from` on.
   * Throws ConsoleTimeout, ConsoleClosed, or the signal's AbortError.
   */
  expect(pattern: string | RegExp | Matcher, options: ExpectOptions): Promise<Match> {
    const matcher = toMatcher(pattern)
    const span = spanOf(pattern)
    let from = options.from ?? this.position
    const { promise, resolve, reject } = Promise.withResolvers<Match>()
    const scan = () => {
      const text = this.#window.since(from)
      const start = this.#window.end - text.length
      const found = matcher(text)
      if (found) {
        const at = start + found.index
        const end = at + found.length
        resolve({
          text: text.slice(found.index, found.index + found.length),
          groups: found.groups ?? [],
          end,
          atNs: this.#window.stampAt(at),
        })
      } else from = Math.max(start, this.#window.end - span)
    }
    const waiter = { scan, fail: reject }
    const timer = setTimeout(
      () => reject(new ConsoleTimeout(options.what, options.timeoutMs, this.lastLine)),
      options.timeoutMs,
    )
    const onAbort = () => reject(options.signal!.reason)
    options.signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiters.add(waiter)
    if (options.signal?.aborted) onAbort()
    scan()
    if (this.#closed) reject(this.#closed)
    return promise.finally(() => {
      clearTimeout(timer)
      this.#waiters.delete(waiter)
      options.signal?.removeEventListener('abort', onAbort)
    })
  }

  get #openHole(): Hole | undefined {
    const last = this.#holes.at(-1)
    return last?.backNs === undefined ? last : undefined
  }

  #deliver(found: Line[]): void {
    if (found.length === 0) return
    const lines =
      this.#secrets.length === 0
        ? found
        : found.map((line) => ({ ...line, text: redactText(line.text, this.#secrets) }))
    for (const line of lines) this.#garble.line(line.text)
    for (const line of lines) for (const listener of this.#listeners) listener(line)
  }
}

/** How much of the text that was scanned may still be the beginning of a match. */
function spanOf(pattern: string | RegExp | Matcher): number {
  if (typeof pattern === 'string') return pattern.length - 1
  return typeof pattern === 'function' ? maxMatcherSpan : maxMatchSpan
}

function toMatcher(pattern: string | RegExp | Matcher): Matcher {
  if (typeof pattern === 'function') return pattern
  if (typeof pattern === 'string')
    return (text) => {
      const index = text.indexOf(pattern)
      return index === -1 ? undefined : { index, length: pattern.length }
    }
  return (text) => {
    const found = pattern.exec(text)
    return found ? { index: found.index, length: found[0].length, groups: found.slice(1) } : undefined
  }
}
