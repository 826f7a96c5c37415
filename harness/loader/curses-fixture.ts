/** For tests: draws a screen as ncurses does on a vt100, by differences and with relative motions of the cursor. */

/** A row as it should be; what is in `reverse`, from column 2 on, is in reverse video. */
export type CursesRow = { text: string; reverse?: boolean; line?: boolean }

type Cell = { character: string; reverse: boolean }

const columns = 80
const blank: Cell = { character: ' ', reverse: false }

export class SimulatedCurses {
  readonly #say: (text: string) => void
  readonly #rows: number
  #shown: Cell[][]
  #at = { row: 0, column: 0 }
  #reverse = false
  #out = ''

  constructor(rows: number, say: (text: string) => void) {
    this.#rows = rows
    this.#say = say
    this.#shown = this.#empty()
  }

  /** Draws what is different. */
  draw(wanted: readonly CursesRow[]): void {
    for (let row = 0; row < this.#rows; row++) this.#drawRow(row, cellsOf(wanted[row] ?? { text: '' }))
    this.#flush()
  }

  /** Clears the screen and draws all of it, as `wrefresh(curscr)` has it done. */
  drawAll(wanted: readonly CursesRow[]): void {
    this.#out += '\x1b[H\x1b[J'
    this.#shown = this.#empty()
    this.#at = { row: 0, column: 0 }
    this.draw(wanted)
  }

  #empty(): Cell[][] {
    return Array.from({ length: this.#rows }, () => Array.from({ length: columns }, () => blank))
  }

  #drawRow(row: number, cells: readonly Cell[]): void {
    const differs = (cell: Cell, column: number) => !same(cell, this.#shown[row]![column]!)
    const first = cells.findIndex(differs)
    if (first === -1) return
    const last = cells.findLastIndex(differs)
    this.#moveTo(row, first)
    for (const cell of cells.slice(first, last + 1)) this.#put(cell)
    this.#shown[row] = [...cells]
  }

  #put({ character, reverse }: Cell): void {
    if (reverse !== this.#reverse) this.#out += reverse ? '\x1b[0;7m\x0f' : '\x1b[m\x0f'
    this.#reverse = reverse
    this.#out += character
    // It stays in the last column.
    this.#at.column = Math.min(columns - 1, this.#at.column + 1)
  }

  /** The left margin is reached by a carriage return and blanks; further right, from where the cursor is. */
  #moveTo(row: number, column: number): void {
    const down = row - this.#at.row
    const right = column - this.#at.column
    const isNear = column < 4
    if (isNear && right !== 0) this.#out += '\r'
    if (down !== 0) this.#out += `\x1b[${Math.abs(down)}${down > 0 ? 'B' : 'A'}`
    this.#at.row = row
    if (isNear && right !== 0) {
      this.#at.column = 0
      while (this.#at.column < column) this.#put(this.#shown[row]![this.#at.column]!)
    } else if (right !== 0) this.#out += `\x1b[${Math.abs(right)}${right > 0 ? 'C' : 'D'}`
    this.#at.column = column
  }

  #flush(): void {
    // A UART's worth at a time.
    for (let at = 0; at < this.#out.length; at += 64) this.#say(this.#out.slice(at, at + 64))
    this.#out = ''
  }
}

function cellsOf({ text, reverse = false, line = false }: CursesRow): Cell[] {
  return Array.from({ length: columns }, (_, column) => ({
    character: line && column > 0 && column < columns - 1 ? 'q' : (text[column] ?? ' '),
    reverse: reverse && column >= 2 && column < Math.max(50, text.length),
  }))
}

function same(one: Cell, other: Cell): boolean {
  return one.character === other.character && one.reverse === other.reverse
}
