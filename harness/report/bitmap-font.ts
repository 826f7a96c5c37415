/** The font of screens' pictures: X.org's misc-fixed 8x13, in the public domain; see font/8x13.hex. */
import { readFileSync } from 'node:fs'

export const glyphSize = { width: 8, height: 13 }

export type Glyph = {
  /** Thirteen rows; the leftmost pixel is the highest of `columns` × 8 bits. */
  rows: readonly number[]
  /** Cells that it takes: 1, or 2 for what East Asian scripts have wide. */
  cells: 1 | 2
}

// As the terminal counts cells (xterm.js, common/input/UnicodeV6.ts), which made the screen.
const wide =
  /^[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3040-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{2fffd}\u{30000}-\u{3fffd}]/u

export class BitmapFont {
  readonly #rows = new Map<number, readonly number[]>()

  /** @param hex lines of `code point:rows`, both in hexadecimal digits */
  constructor(hex: string) {
    for (const line of hex.split('\n')) {
      const [code, digits] = line.split(':', 2)
      if (!digits || line.startsWith('#')) continue
      this.#rows.set(Number.parseInt(code!, 16), [...Buffer.from(digits, 'hex')])
    }
  }

  /** How a character is drawn; a frame where the font does not have it. */
  glyph(character: string): Glyph {
    const rows = this.#rows.get(character.codePointAt(0)!)
    if (rows) return { rows, cells: 1 }
    return wide.test(character) ? frames[2] : frames[1]
  }
}

/** Reads the project's own font. */
export function loadFont(): BitmapFont {
  return new BitmapFont(readFileSync(new URL('font/8x13.hex', import.meta.url), 'latin1'))
}

const frames = { 1: frame(1), 2: frame(2) }

function frame(cells: 1 | 2): Glyph {
  const width = glyphSize.width * cells
  const line = 2 ** (width - 1) - 2
  const sides = 2 ** (width - 2) + 2
  const rows = Array.from({ length: glyphSize.height }, (_, row) => {
    if (row === 0 || row === glyphSize.height - 1) return 0
    return row === 1 || row === glyphSize.height - 2 ? line : sides
  })
  return { rows, cells }
}
