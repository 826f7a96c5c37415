/** What is typed at a recording that is played, against what was typed when it was made. */
import { type Cast, showBytes } from './cast.ts'

export type TypedInput = {
  /** Takes what was typed; says what is wrong with it, where something is. */
  type(bytes: Buffer): string | undefined
  /** Whether the recording has this as its next input. */
  wants(bytes: Buffer): boolean
  /** Whether the input event of this index has been typed: the play may go on. Asked in the order of the events. */
  passes(index: number): boolean
  /** What an output event says now, where that is not what was recorded. */
  output(index: number): Buffer | undefined
  /** All that was typed, or the end of it. */
  readonly shownTyped: string
}

const shownBytes = 60

/** A place in the recording's input that is made anew each time. */
type Varying = { start: number; end: number }

/** Compares both as streams, however they are cut into writes. */
export class StrictInput implements TypedInput {
  readonly #inputs: Span[]
  readonly #outputs: Span[]
  /** The recording's input; from what was typed on, with what varies as it is this time. */
  readonly #wanted: Buffer
  /** The recording's output, likewise. */
  readonly #said: Buffer
  readonly #typed: Buffer
  readonly #varying: Varying[]
  readonly #pattern: RegExp
  #count = 0

  constructor(cast: Cast, varying: RegExp) {
    const flags = varying.flags.replace(/[gy]/g, '')
    ;({ spans: this.#inputs, bytes: this.#wanted } = streamOf(cast, 'input'))
    ;({ spans: this.#outputs, bytes: this.#said } = streamOf(cast, 'output'))
    this.#typed = Buffer.alloc(this.#wanted.length)
    this.#pattern = new RegExp(`^(?:${varying.source})$`, flags)
    this.#varying = [
      ...this.#wanted.toString('latin1').matchAll(new RegExp(varying.source, `${flags}g`)),
    ].map(({ index, 0: { length } }) => ({ start: index, end: index + length }))
  }

  get shownTyped(): string {
    const from = Math.max(0, this.#count - shownBytes)
    return this.#count === 0 ? 'nothing' : showBytes(this.#typed.subarray(from, this.#count))
  }

  type(bytes: Buffer): string | undefined {
    for (const [offset, byte] of bytes.entries()) {
      const at = this.#count
      const varies = this.#varying.some(({ start, end }) => at >= start && at < end)
      if (at >= this.#wanted.length || (byte !== this.#wanted[at] && !varies))
        return this.#mismatch(bytes.subarray(offset))
      this.#typed[at] = byte
      this.#count++
      const place = this.#varying.find(({ end }) => end === this.#count)
      if (place && !this.#bind(place)) return this.#mismatch(bytes.subarray(offset + 1))
    }
    return undefined
  }

  wants(bytes: Buffer): boolean {
    return this.#wanted.subarray(this.#count, this.#count + bytes.length).equals(bytes)
  }

  passes(index: number): boolean {
    return this.#count >= spanOf(this.#inputs, index).end
  }

  output(index: number): Buffer {
    const { start, end } = spanOf(this.#outputs, index)
    return this.#said.subarray(start, end)
  }

  /** Takes what was typed at a place for what was recorded there, wherever it comes up later; false where it can't be. */
  #bind({ start, end }: Varying): boolean {
    const recorded = Buffer.from(this.#wanted.subarray(start, end))
    const typed = this.#typed.subarray(start, end)
    if (!this.#pattern.test(typed.toString('latin1'))) return false
    replaceAll(this.#said, recorded, typed)
    replaceAll(this.#wanted, recorded, typed)
    return true
  }

  /** @param rest from the first byte that is wrong on */
  #mismatch(rest: Buffer): string {
    const input = this.#inputs.findLast(({ start }) => start <= this.#count)
    const from = Math.min(this.#count, Math.max(input?.start ?? 0, this.#count - shownBytes))
    const typed = showBytes(Buffer.concat([this.#typed.subarray(from, this.#count), rest]))
    if (!input || this.#count >= this.#wanted.length)
      return `typed ${showBytes(rest)} where the recording has no more input`
    const seconds = (input.atMs / 1000).toFixed(3)
    return `typed ${typed} where the recording has ${showBytes(this.#wanted.subarray(from, input.end))} (at ${seconds} s)`
  }
}

/** Takes whole writes until there are as many bytes as the recording has. */
export class LenientInput implements TypedInput {
  readonly #inputs: Span[]
  readonly #writes: Buffer[] = []
  readonly #all: Buffer[] = []
  #passed = -1

  constructor(cast: Cast) {
    this.#inputs = streamOf(cast, 'input').spans
  }

  get shownTyped(): string {
    const typed = Buffer.concat(this.#all.slice(-shownBytes))
    return typed.length === 0 ? 'nothing' : showBytes(typed.subarray(-shownBytes))
  }

  type(bytes: Buffer): undefined {
    if (bytes.length === 0) return
    this.#writes.push(bytes)
    this.#all.push(bytes)
  }

  /** Anything does for the next input; what is asked for is a key that is none. */
  wants(): boolean {
    return false
  }

  passes(index: number): boolean {
    if (index <= this.#passed) return true
    const { start, end } = spanOf(this.#inputs, index)
    let [count, length] = [0, 0]
    while (length < end - start && count < this.#writes.length) length += this.#writes[count++]!.length
    if (length < end - start) return false
    this.#writes.splice(0, count)
    this.#passed = index
    return true
  }

  output(): undefined {
    return undefined
  }
}

/** Where an event's bytes are in the stream of its kind. */
type Span = { index: number; atMs: number; start: number; end: number }

function streamOf(cast: Cast, type: 'input' | 'output'): { spans: Span[]; bytes: Buffer } {
  const spans: Span[] = []
  const parts: Buffer[] = []
  let start = 0
  for (const [index, event] of cast.events.entries()) {
    if (event.type !== type) continue
    parts.push(event.bytes)
    spans.push({ index, atMs: event.atMs, start, end: start + event.bytes.length })
    start += event.bytes.length
  }
  return { spans, bytes: Buffer.concat(parts) }
}

function spanOf(spans: readonly Span[], index: number): Span {
  let [low, high] = [0, spans.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (spans[middle]!.index < index) low = middle + 1
    else high = middle
  }
  return spans[low]!
}

function replaceAll(bytes: Buffer, from: Buffer, to: Buffer): void {
  if (from.equals(to)) return
  for (let at = bytes.indexOf(from); at !== -1; at = bytes.indexOf(from, at + to.length)) to.copy(bytes, at)
}
