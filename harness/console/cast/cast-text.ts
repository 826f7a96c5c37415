/** Bytes of a console as the text of an asciicast, and back, without losing any. */

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Byte 0x80 is U+DC80, and so on; below, all are ASCII. */
const surrogateBase = 0xdc00
const loneBytes = { first: 0xdc80, last: 0xdcff }

/** The text of these bytes alone; those that are no UTF-8 become lone surrogates. */
export function textOf(bytes: Buffer): string {
  try {
    return decoder.decode(bytes)
  } catch {
    return textByCharacter(bytes)
  }
}

/** The bytes of a text; undefined where it has a surrogate that stands for none. */
export function bytesOf(text: string): Buffer | undefined {
  if (text.isWellFormed()) return Buffer.from(text)
  const parts: Buffer[] = []
  let start = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0xd800 || code > 0xdfff) continue
    if (text.codePointAt(index)! > 0xffff) {
      index++
      continue
    }
    if (code < loneBytes.first || code > loneBytes.last) return undefined
    parts.push(Buffer.from(text.slice(start, index)), Buffer.from([code - surrogateBase]))
    start = index + 1
  }
  return Buffer.concat([...parts, Buffer.from(text.slice(start))])
}

/** Text of bytes that come in chunks: a character that is not complete yet waits for its rest. */
export class CastText {
  #held: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): string {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    const whole = bytes.length - unfinished(bytes)
    // Copied: the chunk belongs to whoever read it.
    this.#held = Buffer.from(bytes.subarray(whole))
    return textOf(bytes.subarray(0, whole))
  }

  flush(): string {
    const text = textOf(this.#held)
    this.#held = Buffer.alloc(0)
    return text
  }
}

/** How many bytes at the end may be the beginning of a character. */
function unfinished(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if (byte >= 0xc0) return back < lengthBy(byte) ? back : 0
    if (byte < 0x80) return 0
  }
  return 0
}

/** Length of the character that begins with this byte; 1 where none does. */
function lengthBy(lead: number): number {
  if (lead >= 0xc2 && lead <= 0xdf) return 2
  if (lead >= 0xe0 && lead <= 0xef) return 3
  return lead >= 0xf0 && lead <= 0xf4 ? 4 : 1
}

function textByCharacter(bytes: Buffer): string {
  let text = ''
  for (let index = 0; index < bytes.length; ) {
    const length = lengthBy(bytes[index]!)
    try {
      text += decoder.decode(bytes.subarray(index, index + length))
      index += length
    } catch {
      text += String.fromCharCode(surrogateBase + bytes[index]!)
      index++
    }
  }
  return text
}
