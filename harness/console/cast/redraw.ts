/** A program that draws its screen again when it is asked to, as curses does for Ctrl-L: for recordings that are played. */
import { Console } from '../console.ts'
import { Screen } from '../screen.ts'
import type { Snapshot, Span } from '../snapshot.ts'

/** What a recording has drawn so far. */
export class DrawnScreen implements Disposable {
  readonly #console = new Console({ write: async () => {} })
  readonly #screen: Screen

  constructor(size: { columns: number; rows: number }) {
    this.#screen = new Screen(this.#console, size)
  }

  said(chunk: Buffer): void {
    // Nobody asks this console for times.
    this.#console.feed(chunk, 0n)
  }

  /** The bytes that draw the screen as it is now on one that may show anything. */
  async again(): Promise<Buffer> {
    await this.#screen.caughtUp()
    return Buffer.from(drawing(this.#screen.snapshot()))
  }

  [Symbol.dispose](): void {
    this.#screen[Symbol.dispose]()
  }
}

function drawing({ rows, cursor }: Snapshot): string {
  const drawn = rows.map(({ spans }, row) => {
    const last = spans.findLastIndex(
      (span) => span.inverse || span.background !== null || span.text.trim() !== '',
    )
    const text = spans.slice(0, last + 1).map((span) => `${looksOf(span)}${span.text}`)
    return text.length === 0 ? '' : `\x1b[${row + 1};1H${text.join('')}\x1b[0m`
  })
  return `\x1b[0m\x1b[H\x1b[2J${drawn.join('')}\x1b[${cursor.row + 1};${cursor.column + 1}H`
}

/** Select Graphic Rendition, ECMA-48 8.3.117, with xterm's 256 colours and ISO 8613-6's direct ones. */
function looksOf({ inverse, bold, foreground, background }: Span): string {
  return `\x1b[${['0', ...(bold ? ['1'] : []), ...(inverse ? ['7'] : []), ...colour(38, foreground), ...colour(48, background)].join(';')}m`
}

function colour(code: number, value: Span['foreground']): string[] {
  if (value === null) return []
  if (typeof value === 'number') return [`${code};5;${value}`]
  const channels = [1, 3, 5].map((at) => Number.parseInt(value.slice(at, at + 2), 16))
  return [`${code};2;${channels.join(';')}`]
}
