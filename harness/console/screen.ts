/** What a person would see of a console: a terminal of a fixed size, read as rows, never by byte offset. */
import xterm from '@xterm/headless'
import type { Console } from './console.ts'
import { type KeyName, keySequence } from './keys.ts'
import { redactSnapshot, type Snapshot, type Span, screenSize, snapshotText } from './snapshot.ts'

export type { Snapshot } from './snapshot.ts'

export { screenSize } from './snapshot.ts'

/** The screen as matchers see it. */
export type ScreenView = {
  /** As many as the screen has, each as far as something was written to it, be it blanks. */
  rows: readonly string[]
  /** Rows joined by line ends. */
  text: string
  /** Where the cursor is, from 0. */
  cursor: { row: number; column: number }
  /** Whether any cell of a row is in reverse video: how curses marks what is selected. */
  inverse(row: number): boolean
  /** What of a row is in reverse video. */
  inverseText(row: number): string
}

/** Finds something on the screen; undefined or false where it isn't there. */
export type ScreenMatcher<T> = (view: ScreenView) => T | undefined | false

export type ExpectScreenOptions = {
  timeoutMs: number
  signal?: AbortSignal
  /** What a person would call it, for the error. */
  what: string
  /** The screen must have stood still for so long, so that a half drawn one is not read; 0 by default. */
  settledMs?: number
}

/** Thrown by `expect`: it shows what the screen shows. Callers say whose fault it is. */
export class ScreenTimeout extends Error {
  override name = 'ScreenTimeout'
  readonly screen: string

  constructor(what: string, timeoutMs: number, screen: string) {
    super(`no ${what} within ${Math.round(timeoutMs) / 1000} s; the screen shows:\n${screen || '(nothing)'}`)
    this.screen = screen
  }
}

/**
 * Control sequences that xterm carries out as often as their parameter says (insert, delete, erase, scroll, tab,
 * repeat): a console that asks for a thousand million of them must not hold up the harness.
 */
const repeating = ['@', 'L', 'M', 'P', 'S', 'T', 'X', 'I', 'Z', 'b'] as const
const maxRepeat = 1_000

type Waiter = { scan: () => void; fail: (error: unknown) => void }

/** A terminal beside a console's lines, from the moment it is made. */
export class Screen implements Disposable {
  readonly #console: Console
  readonly #terminal: InstanceType<typeof xterm.Terminal>
  readonly #waiters = new Set<Waiter>()
  readonly #stop: () => void
  #changedAtMs = performance.now()

  constructor(console: Console, { columns, rows } = screenSize) {
    this.#console = console
    // No answers to what programs ask a terminal: a harness that types must not be mixed with a terminal that does.
    this.#terminal = new xterm.Terminal({
      cols: columns,
      rows,
      scrollback: 0,
      allowProposedApi: true,
      logLevel: 'off',
    })
    for (const final of repeating)
      this.#terminal.parser.registerCsiHandler({ final }, ([count]) => Number(count) > maxRepeat)
    this.#stop = console.onBytes((chunk) =>
      this.#terminal.write(chunk, () => {
        this.#changedAtMs = performance.now()
        for (const waiter of [...this.#waiters]) waiter.scan()
      }),
    )
  }

  /** The screen as it is now. */
  get view(): ScreenView {
    const { active } = this.#terminal.buffer
    const rows = Array.from(
      { length: this.#terminal.rows },
      (_, row) => active.getLine(active.viewportY + row)?.translateToString(true) ?? '',
    )
    return {
      rows,
      text: rows.join('\n').trimEnd(),
      cursor: { row: active.cursorY, column: active.cursorX },
      inverse: (row) => this.#spans(row).some((span) => span.inverse && span.text.trim() !== ''),
      inverseText: (row) =>
        this.#spans(row)
          .map(({ inverse, text }) => (inverse ? text : ''))
          .join(''),
    }
  }

  /** The screen as text: what a person would copy from it, secrets as asterisks. */
  get text(): string {
    return snapshotText(this.snapshot())
  }

  /** The screen with its looks, secrets as asterisks. */
  snapshot(): Snapshot {
    return redactSnapshot(this.#snapshot(), this.#console.secrets)
  }

  #snapshot(): Snapshot {
    const { active } = this.#terminal.buffer
    return {
      columns: this.#terminal.cols,
      rows: Array.from({ length: this.#terminal.rows }, (_, row) => ({ spans: this.#spans(row) })),
      cursor: { row: active.cursorY, column: active.cursorX },
    }
  }

  /** Resolves once all that came so far is on the screen. */
  caughtUp(): Promise<void> {
    return new Promise((resolve) => this.#terminal.write('', resolve))
  }

  /** Forgets what is shown, as before a power-on. */
  clear(): void {
    this.#terminal.reset()
  }

  /** Presses keys, one after the other: names such as `Down` or text as it is. */
  async press(...keys: (KeyName | { text: string })[]): Promise<void> {
    for (const key of keys) await this.#console.write(typeof key === 'string' ? keySequence(key) : key.text)
  }

  /**
   * Waits until the screen shows something: text, a pattern in one of its rows, or what a matcher finds.
   * Returns what the matcher returned, or the row that matched. Throws ScreenTimeout, or the signal's reason.
   */
  expect(what: string | RegExp, options: ExpectScreenOptions): Promise<string>
  expect<T>(what: ScreenMatcher<T>, options: ExpectScreenOptions): Promise<T>
  expect<T>(
    what: string | RegExp | ScreenMatcher<T>,
    { timeoutMs, signal, what: name, settledMs = 0 }: ExpectScreenOptions,
  ): Promise<T | string> {
    const matcher = toMatcher(what)
    const { promise, resolve, reject } = Promise.withResolvers<T | string>()
    let settle: NodeJS.Timeout | undefined
    const scan = () => {
      clearTimeout(settle)
      const found = matcher(this.view)
      if (found === undefined || found === false) return
      const left = this.#changedAtMs + settledMs - performance.now()
      if (left <= 0) resolve(found)
      else settle = setTimeout(scan, left)
    }
    const waiter = { scan, fail: reject }
    const timer = setTimeout(() => reject(new ScreenTimeout(name, timeoutMs, this.text)), timeoutMs)
    const onAbort = () => reject(signal!.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiters.add(waiter)
    if (signal?.aborted) onAbort()
    else scan()
    return promise.finally(() => {
      clearTimeout(timer)
      clearTimeout(settle)
      this.#waiters.delete(waiter)
      signal?.removeEventListener('abort', onAbort)
    })
  }

  [Symbol.dispose](): void {
    this.#stop()
    this.#terminal.dispose()
  }

  #spans(row: number): Span[] {
    const { active } = this.#terminal.buffer
    const line = active.getLine(active.viewportY + row)
    const spans: Span[] = []
    for (let column = 0; line && column < this.#terminal.cols; column++) {
      const cell = line.getCell(column)
      if (!cell || cell.getWidth() === 0) continue
      const looks = {
        inverse: cell.isInverse() !== 0,
        bold: cell.isBold() !== 0,
        foreground: colour(cell.isFgDefault(), cell.isFgRGB(), cell.getFgColor()),
        background: colour(cell.isBgDefault(), cell.isBgRGB(), cell.getBgColor()),
      }
      const last = spans.at(-1)
      const text = cell.getChars() || ' '
      if (last && sameLooks(last, looks)) last.text += text
      else spans.push({ text, ...looks })
    }
    return spans
  }
}

function colour(isDefault: boolean, isRgb: boolean, value: number): number | string | null {
  if (isDefault) return null
  return isRgb ? `#${value.toString(16).padStart(6, '0')}` : value
}

function sameLooks(one: Span, other: Omit<Span, 'text'>): boolean {
  return (
    one.inverse === other.inverse &&
    one.bold === other.bold &&
    one.foreground === other.foreground &&
    one.background === other.background
  )
}

function toMatcher<T>(what: string | RegExp | ScreenMatcher<T>): ScreenMatcher<T | string> {
  if (typeof what === 'function') return what
  const matches =
    typeof what === 'string' ? (row: string) => row.includes(what) : (row: string) => what.test(row)
  return ({ rows }) => rows.find(matches)
}
