/** A screen as a picture: what a person in front of the terminal saw. */
import type { Colour, Snapshot, Span } from '../console/snapshot.ts'
import { type BitmapFont, glyphSize, loadFont } from './bitmap-font.ts'
import { encodePng } from './png.ts'

/** Each pixel of the font is so many of the picture's: readable on today's displays. */
const scale = 2
/** Screens are 80×25; a bigger one is cut, so that no journal can ask for pictures without end. */
const most = { columns: 240, rows: 80 }
/** Black and a terminal's light grey. */
const defaults = { foreground: 0xcccccc, background: 0x000000 }
const bright = 0xffffff
const maxColours = 256

/** The sixteen colours of a VGA text console, brown and all (linux/drivers/tty/vt/vt.c, default_red and so on). */
const vga = [
  0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa, 0x555555, 0xff5555,
  0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff,
]

/** Draws screens; the font is read once. */
export class ScreenPainter {
  readonly #font: BitmapFont = loadFont()

  /** The screen as a PNG file, with the cursor as an underline. */
  png(snapshot: Snapshot): Buffer {
    const columns = Math.min(snapshot.columns, most.columns)
    const rows = snapshot.rows.slice(0, most.rows)
    const canvas = new Canvas(columns, Math.max(1, rows.length))
    for (const [row, { spans }] of rows.entries()) this.#row(canvas, row, spans)
    const { row, column } = snapshot.cursor
    canvas.underline(row, Math.min(column, columns - 1), canvas.colour(defaults.foreground))
    return encodePng(canvas.picture())
  }

  #row(canvas: Canvas, row: number, spans: readonly Span[]): void {
    let column = 0
    for (const span of spans) {
      const { ink, paper } = looks(span)
      const [inkIndex, paperIndex] = [canvas.colour(ink), canvas.colour(paper)]
      for (const character of span.text) {
        // What combines with a character has no cell of its own.
        if (/^\p{M}/u.test(character)) continue
        const glyph = this.#font.glyph(character)
        canvas.cell(row, column, glyph.cells, paperIndex)
        for (const [y, bits] of glyph.rows.entries())
          canvas.bits(row, column, y, glyph.cells, span.bold ? bits | (bits >> 1) : bits, inkIndex)
        column += glyph.cells
      }
    }
  }
}

function looks({ inverse, bold, foreground, background }: Span): { ink: number; paper: number } {
  // Bold has always been bright on a text console, too.
  const vivid = bold && typeof foreground === 'number' && foreground < 8 ? foreground + 8 : foreground
  const ink = vivid === null ? (bold ? bright : defaults.foreground) : rgb(vivid)
  const paper = background === null ? defaults.background : rgb(background)
  return inverse ? { ink: paper, paper: ink } : { ink, paper }
}

/** xterm's 256 colours: the sixteen, a cube of six steps, 24 greys (xterm, 256colres.pl). */
function rgb(colour: NonNullable<Colour>): number {
  if (typeof colour === 'string') return Number.parseInt(colour.slice(1), 16)
  if (colour < 16) return vga[colour]!
  if (colour >= 232) return (8 + (colour - 232) * 10) * 0x010101
  const [red, green, blue] = [36, 6, 1].map((step) => {
    const level = Math.floor((colour - 16) / step) % 6
    return level === 0 ? 0 : 55 + level * 40
  })
  return (red! << 16) | (green! << 8) | blue!
}

class Canvas {
  readonly #columns: number
  readonly #rows: number
  readonly #width: number
  readonly #pixels: Uint8Array
  readonly #palette: number[] = [defaults.background]

  constructor(columns: number, rows: number) {
    this.#columns = columns
    this.#rows = rows
    this.#width = columns * glyphSize.width * scale
    this.#pixels = new Uint8Array(this.#width * rows * glyphSize.height * scale)
  }

  /** Its place in the palette; the nearest one's where the palette is full. */
  colour(wanted: number): number {
    const known = this.#palette.indexOf(wanted)
    if (known !== -1) return known
    if (this.#palette.length < maxColours) return this.#palette.push(wanted) - 1
    const distances = this.#palette.map((colour) => distance(colour, wanted))
    return distances.indexOf(Math.min(...distances))
  }

  /** Fills a cell. */
  cell(row: number, column: number, cells: number, colour: number): void {
    for (let y = 0; y < glyphSize.height; y++)
      this.bits(row, column, y, cells, 2 ** (cells * glyphSize.width) - 1, colour)
  }

  /** Sets one row of a cell's pixels where a bit is set. */
  bits(row: number, column: number, y: number, cells: number, bits: number, colour: number): void {
    const width = cells * glyphSize.width
    if (row < 0 || row >= this.#rows || column < 0 || column + cells > this.#columns) return
    const top = (row * glyphSize.height + y) * scale
    for (let x = 0; x < width; x++) {
      if (((bits >> (width - 1 - x)) & 1) === 0) continue
      const left = (column * glyphSize.width + x) * scale
      for (let line = top; line < top + scale; line++)
        this.#pixels.fill(colour, line * this.#width + left, line * this.#width + left + scale)
    }
  }

  underline(row: number, column: number, colour: number): void {
    for (const y of [glyphSize.height - 2, glyphSize.height - 1]) this.bits(row, column, y, 1, 0xff, colour)
  }

  picture() {
    return {
      width: this.#width,
      height: this.#rows * glyphSize.height * scale,
      palette: this.#palette,
      pixels: this.#pixels,
    }
  }
}

function distance(one: number, other: number): number {
  return [16, 8, 0].reduce(
    (sum, shift) => sum + (((one >> shift) & 0xff) - ((other >> shift) & 0xff)) ** 2,
    0,
  )
}
