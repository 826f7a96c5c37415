/** Tells that what arrives is no text, as it is at a wrong speed, and that a board has lost input. */

/** Bytes that are looked at: half a second at 9600 baud. */
const windowBytes = 512
/** Before so many have come, nothing is said: a board that is powered on sends some noise. */
const enoughBytes = 128
/** Text has none; of kernel logs whose bits are sampled at another usual speed, 44 % at least: see garble.test.ts. */
const tooMuch = 0.2
/** Whoever draws on a terminal with another character set than UTF-8 uses control sequences all the time. */
const drawingSequences = 3
/** A complaint about lost input is told for so many lines. */
const rememberedLines = 200

/** What the kernel says of it: n_tty_receive_overrun in drivers/tty/n_tty.c, serial8250_interrupt in 8250_core.c. */
const overrun = /\btty\w+: \d+ input overrun\(s\)|\bserial8250: too much work for irq\d+/

/** What a byte of the window counts as. */
const kind = { text: 0, noText: 1, sequence: 2 } as const
type Kind = (typeof kind)[keyof typeof kind]

/** Watches a console; memory is bounded. */
export class GarbleWatch {
  readonly #baud: number | undefined
  readonly #window = new Uint8Array(windowBytes)
  #next = 0
  #filled = 0
  readonly #counts: [number, number, number] = [0, 0, 0]
  /** Bytes that a UTF-8 character still lacks, and how many it has so far. */
  #utf8Left = 0
  #utf8Had = 0
  #inSequence: 'no' | 'escape' | 'csi' = 'no'
  #overrun: string | undefined
  #linesSince = 0

  /** @param baud the speed that the descriptor says the line has */
  constructor(baud?: number) {
    this.#baud = baud
  }

  push(chunk: Buffer): void {
    for (const byte of chunk) this.#look(byte)
  }

  /** Takes in a whole line, without control sequences. */
  line(text: string): void {
    const found = overrun.exec(text)
    if (found) {
      this.#overrun = found[0]
      this.#linesSince = 0
    } else if (this.#overrun !== undefined && ++this.#linesSince >= rememberedLines) this.#overrun = undefined
  }

  /** What is wrong with the bytes that came last, in words; undefined where nothing is. */
  get trouble(): string | undefined {
    const share = this.#counts[kind.noText] / Math.max(1, this.#filled)
    const drawn = this.#counts[kind.sequence] >= drawingSequences
    if (this.#filled >= enoughBytes && share > tooMuch && !drawn) {
      const says = this.#baud === undefined ? '' : ` the descriptor says ${this.#baud}`
      return `what arrives is no text (${Math.round(share * 100)} % of the last ${this.#filled} bytes): wrong baud rate?${says}`
    }
    if (this.#overrun !== undefined)
      return `the board lost input ("${this.#overrun}"): it is typed too fast for it; see pace in its console's section`
    return undefined
  }

  #look(byte: number): void {
    if (this.#utf8Left > 0) {
      if ((byte & 0xc0) === 0x80) {
        this.#utf8Left--
        this.#utf8Had++
        // Its bytes counted as no text while it was not whole.
        if (this.#utf8Left === 0) this.#reclassify(this.#utf8Had - 1)
        this.#count(this.#utf8Left === 0 ? kind.text : kind.noText)
        return
      }
      this.#utf8Left = 0
    }
    this.#count(this.#kindOf(byte))
  }

  #kindOf(byte: number): Kind {
    if (this.#inSequence === 'escape') this.#inSequence = byte === 0x5b ? 'csi' : 'no'
    else if (this.#inSequence === 'csi') {
      if (byte >= 0x40 && byte <= 0x7e) {
        this.#inSequence = 'no'
        return kind.sequence
      }
      // Parameters are digits, semicolons and the like.
      if (byte < 0x20 || byte > 0x3f) this.#inSequence = 'no'
    }
    if (byte === 0x1b) this.#inSequence = 'escape'
    if (byte >= 0x80) {
      this.#utf8Left =
        byte >= 0xc2 && byte < 0xe0
          ? 1
          : byte >= 0xe0 && byte < 0xf0
            ? 2
            : byte >= 0xf0 && byte < 0xf5
              ? 3
              : 0
      this.#utf8Had = 1
      return kind.noText
    }
    return isText(byte) ? kind.text : kind.noText
  }

  #count(what: Kind): void {
    if (this.#filled === windowBytes) this.#counts[this.#window[this.#next] as Kind]--
    else this.#filled++
    this.#window[this.#next] = what
    this.#counts[what]++
    this.#next = (this.#next + 1) % windowBytes
  }

  /** The last `count` bytes are text after all. */
  #reclassify(count: number): void {
    for (let back = 1; back <= count; back++) {
      const at = (this.#next - back + windowBytes) % windowBytes
      this.#counts[this.#window[at] as Kind]--
      this.#counts[kind.text]++
      this.#window[at] = kind.text
    }
  }
}

/** Printable ASCII, and BEL, BS, TAB, LF, CR, ESC, shift-out and shift-in of terminals. A NUL is a framing error. */
function isText(byte: number): boolean {
  if (byte >= 0x20) return byte !== 0x7f
  return (byte >= 0x07 && byte <= 0x0a) || (byte >= 0x0d && byte <= 0x0f) || byte === 0x1b
}
