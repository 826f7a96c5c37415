/** Takes terminal control sequences out of console text, for matching only: the raw bytes are kept elsewhere. */

const escapeCode = 0x1b
const backspace = 0x08
const bell = 0x07
const lineFeed = 0x0a

/** States of the ECMA-48 parser, as far as it is needed to skip sequences. */
type State = 'ground' | 'escape' | 'csi' | 'string' | 'string-escape'

/**
 * Strips escape sequences from a stream of bytes. A sequence may be cut anywhere between two chunks. NUL and
 * BEL vanish, backspaces stay (an echo check wants to see them).
 */
export class AnsiStripper {
  #state: State = 'ground'

  /** The chunk without control sequences; the same buffer where there was nothing to strip. */
  strip(chunk: Buffer): Buffer {
    if (this.#state === 'ground' && !needsWork(chunk)) return chunk
    const out = Buffer.allocUnsafe(chunk.length)
    let length = 0
    for (const byte of chunk) {
      // A line end always leaves a sequence: a cut one must not swallow the rest of the console.
      if (byte === lineFeed) this.#state = 'ground'
      if (this.#state === 'ground') {
        if (byte === escapeCode) this.#state = 'escape'
        else if (byte !== 0 && byte !== bell) out[length++] = byte
      } else this.#state = next(this.#state, byte)
    }
    return out.subarray(0, length)
  }
}

function needsWork(chunk: Buffer): boolean {
  return chunk.includes(escapeCode) || chunk.includes(0) || chunk.includes(bell)
}

function next(state: State, byte: number): State {
  switch (state) {
    case 'escape':
      if (byte === 0x5b) return 'csi'
      // OSC, DCS, SOS, PM, APC run to BEL or ESC \.
      if (byte === 0x5d || byte === 0x50 || byte === 0x58 || byte === 0x5e || byte === 0x5f) return 'string'
      return byte >= 0x20 && byte <= 0x2f ? 'escape' : 'ground'
    case 'csi':
      return byte >= 0x40 && byte <= 0x7e ? 'ground' : 'csi'
    case 'string':
      if (byte === bell) return 'ground'
      return byte === escapeCode ? 'string-escape' : 'string'
    case 'string-escape':
      return byte === 0x5c ? 'ground' : 'string'
    default:
      return 'ground'
  }
}

/** Text as a terminal would leave it: a backspace takes back the character before it. */
export function applyBackspaces(text: string): string {
  if (!text.includes(String.fromCharCode(backspace))) return text
  const out: string[] = []
  for (const character of text) {
    if (character === '\b') out.pop()
    else out.push(character)
  }
  return out.join('')
}
