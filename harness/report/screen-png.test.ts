import { crc32, inflateSync } from 'node:zlib'
import test from 'ava'
import type { Snapshot } from '../console/snapshot.ts'
import { loadFont } from './bitmap-font.ts'
import { snapshotOf } from './screen-fixture.ts'
import { ScreenPainter } from './screen-png.ts'

type Decoded = { width: number; height: number; at(x: number, y: number): string }

/** Reads the chunks as a viewer does. */
function decode(png: Buffer): Decoded {
  const chunks = new Map<string, Buffer>()
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at)
    const body = png.subarray(at + 4, at + 8 + length)
    if (png.readUInt32BE(at + 8 + length) !== crc32(body)) throw new Error('CRC')
    chunks.set(body.toString('latin1', 0, 4), body.subarray(4))
    at += 12 + length
  }
  const width = chunks.get('IHDR')!.readUInt32BE(0)
  const height = chunks.get('IHDR')!.readUInt32BE(4)
  const rows = inflateSync(chunks.get('IDAT')!)
  if (rows.length !== (width + 1) * height) throw new Error('size')
  const palette = chunks.get('PLTE')!
  return {
    width,
    height,
    at: (x, y) => palette.toString('hex', rows[y * (width + 1) + 1 + x]! * 3).slice(0, 6),
  }
}

/** A cell's pixels, one of the four that each of the font's became. */
function cellAt({ at }: Decoded, row: number, column: number): string[][] {
  return Array.from({ length: 13 }, (_, y) =>
    Array.from({ length: 8 }, (_pixel, x) => at((column * 8 + x) * 2, (row * 13 + y) * 2)),
  )
}

function coloursAt(picture: Decoded, row: number, column: number): string[] {
  return [...new Set(cellAt(picture, row, column).flat())].sort((one, other) => one.localeCompare(other))
}

const painter = new ScreenPainter()

test('a screen is drawn letter by letter, as the font has them', async (t) => {
  const picture = decode(painter.png(await snapshotOf('\x1b[3;2HA│')))
  t.deepEqual([picture.width, picture.height], [1280, 650])
  for (const [column, character] of ['A', '│'].entries()) {
    const drawn = cellAt(picture, 2, column + 1).map((pixels) =>
      Number.parseInt(pixels.map((pixel) => (pixel === 'cccccc' ? '1' : '0')).join(''), 2),
    )
    t.deepEqual(drawn, [...loadFont().glyph(character).rows])
  }
  t.deepEqual(coloursAt(picture, 0, 0), ['000000'])
})

test('lines of a box meet', async (t) => {
  const picture = decode(painter.png(await snapshotOf('─┐')))
  const line = cellAt(picture, 0, 0).findIndex((pixels) => pixels.every((pixel) => pixel === 'cccccc'))
  t.not(line, -1)
  t.is(cellAt(picture, 0, 1)[line]![0], 'cccccc')
})

test('reverse video, bold and colours are seen', async (t) => {
  const said =
    '\x1b[7mM\x1b[0m\x1b[1mM\x1b[0m\x1b[31mM\x1b[0m\x1b[1;31mM\x1b[0m\x1b[38;5;208;48;5;21mM\x1b[0m\x1b[38;2;1;2;3mM'
  const picture = decode(painter.png(await snapshotOf(said)))
  const corner = (column: number) => cellAt(picture, 0, column)[0]![0]
  t.is(corner(0), 'cccccc')
  t.deepEqual(coloursAt(picture, 0, 1), ['000000', 'ffffff'])
  t.deepEqual(coloursAt(picture, 0, 2), ['000000', 'aa0000'])
  t.deepEqual(coloursAt(picture, 0, 3), ['000000', 'ff5555'])
  t.deepEqual(coloursAt(picture, 0, 4), ['0000ff', 'ff8700'])
  t.deepEqual(coloursAt(picture, 0, 5), ['000000', '010203'])
})

test('what the font lacks is a frame, as wide as the terminal has it', async (t) => {
  const picture = decode(painter.png(await snapshotOf('漢x')))
  const rows = cellAt(picture, 0, 2).map((pixels) =>
    Number.parseInt(pixels.map((pixel) => (pixel === 'cccccc' ? '1' : '0')).join(''), 2),
  )
  t.deepEqual(rows, [...loadFont().glyph('x').rows])
  t.deepEqual(coloursAt(picture, 0, 0), ['000000', 'cccccc'])
})

test('letters of many scripts are there', (t) => {
  const font = loadFont()
  const frame = font.glyph('\u{10ffff}').rows
  for (const character of 'aäßéŁжΩ→█░┼╬⠿€')
    t.notDeepEqual(font.glyph(character).rows, frame, `${character} is a frame`)
})

test('the cursor is underlined', async (t) => {
  const screen = await snapshotOf('')
  const picture = decode(painter.png({ ...screen, cursor: { row: 4, column: 7 } }))
  t.deepEqual(cellAt(picture, 4, 7).at(-1), Array(8).fill('cccccc'))
})

test('a screen that lies about itself is a picture all the same, and none is huge', (t) => {
  const span = { text: 'x'.repeat(5000), inverse: false, bold: true, foreground: 200, background: null }
  const wild: Snapshot = {
    columns: 1000,
    rows: Array.from({ length: 500 }, () => ({ spans: [span, span] })),
    cursor: { row: -5, column: 10_000 },
  }
  const { width, height } = decode(painter.png(wild))
  t.deepEqual([width, height], [240 * 16, 80 * 26])
  t.notThrows(() => decode(painter.png({ columns: 1, rows: [], cursor: { row: 0, column: 0 } })))
})

test('more colours than a palette holds become their neighbours', (t) => {
  const spans = Array.from({ length: 300 }, (_, index) => ({
    text: ' ',
    inverse: false,
    bold: false,
    foreground: null,
    background: `#${(index * 999).toString(16).padStart(6, '0')}`,
  }))
  t.notThrows(() => decode(painter.png({ columns: 240, rows: [{ spans }], cursor: { row: 0, column: 0 } })))
})
