/** A console: stamped bytes in, lines and matches out. One reader for the whole run. */
import { AnsiStripper } from './ansi.ts'
import { type Line, LineSplitter } from './lines.ts'
import type { ConsoleRecorder } from './recorder.ts'
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
const keptLines = 400

type Waiter = { scan: () => void; fail: (error: Error) => void }

export class Console {
  readonly #transport: Transport
  readonly #recorder: ConsoleRecorder | undefined
  readonly #stripper = new AnsiStripper()
  readonly #splitter = new LineSplitter()
  readonly #window = new TextWindow()
  readonly #listeners = new Set<(line: Line) => void>()
  readonly #waiters = new Set<Waiter>()
  #recent: string[] = []
  #closed: ConsoleClosed | undefined

  constructor(transport: Transport, recorder?: ConsoleRecorder) {
    this.#transport = transport
    this.#recorder = recorder
  }

  /** Takes in bytes that arrived at `atNs`. Never waits: whoever reads from this console cannot stall the board. */
  feed(chunk: Buffer, atNs: bigint): void {
    this.#recorder?.raw(chunk)
    const plain = this.#stripper.strip(chunk)
    this.#window.push(plain, atNs)
    this.#deliver(this.#splitter.push(plain, atNs))
    for (const waiter of [...this.#waiters]) waiter.scan()
  }

  /** Says that no more bytes will come; everyone who waits is told. */
  close(reason: string): void {
    if (this.#closed) return
    this.#deliver(this.#splitter.flush())
    this.#closed = new ConsoleClosed(reason)
    for (const waiter of [...this.#waiters]) waiter.fail(this.#closed)
  }

  async write(text: string): Promise<void> {
    if (this.#closed) throw this.#closed
    await this.#transport.write(Buffer.from(text))
  }

  /** Calls back for every line from now on; returns what ends it. */
  onLine(listener: (line: Line) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
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
    const lines = this.#recent.slice(-count)
    const partial = this.#splitter.partial
    return (partial === '' ? lines : [...lines, partial]).slice(-count)
  }

  /** The last line that has something on it. */
  get lastLine(): string {
    return this.lastLines(keptLines).findLast((line) => line.trim() !== '') ?? ''
  }

  /**
   * Waits until the pattern is found in the text from `from` on.
   * Throws ConsoleTimeout, ConsoleClosed, or the signal's AbortError.
   */
  expect(pattern: string | RegExp | Matcher, options: ExpectOptions): Promise<Match> {
    const matcher = toMatcher(pattern)
    const span = typeof pattern === 'function' ? maxMatcherSpan : maxMatchSpan
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

  #deliver(lines: Line[]): void {
    if (lines.length === 0) return
    this.#recorder?.lines(lines)
    for (const line of lines) for (const listener of this.#listeners) listener(line)
    for (const line of lines) this.#recent.push(line.text)
    if (this.#recent.length > 2 * keptLines) this.#recent = this.#recent.slice(-keptLines)
  }
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
