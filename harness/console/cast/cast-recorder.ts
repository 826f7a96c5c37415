/** Records a console as it is used: what it says and what is typed, as the lines of an asciicast. */
import { msBetween } from '../../clock.ts'
import { Redactor } from '../redact.ts'
import { type CastHead, CastWriter } from './cast.ts'

export type CastRecorderOptions = {
  /** Takes whole lines. */
  write: (text: string) => void
  /** What the times of the recording count from, CLOCK_MONOTONIC in nanoseconds. */
  originNs: bigint
  /** Absent: goes on with a recording that has its head. */
  head?: Omit<CastHead, 'name'> | undefined
  /** What is written as asterisks, whoever says or types it. */
  secrets?: readonly string[]
}

/** What comes within this is one event: a guest's UART hands over byte by byte, and a line for each is ten times as long. */
const togetherMs = 4

type Direction = 'output' | 'input'

export class CastRecorder {
  readonly #writer: CastWriter
  readonly #originNs: bigint
  readonly #redactors: Record<Direction, Redactor>
  #together: { direction: Direction; atNs: bigint; parts: Buffer[] } | undefined

  constructor({ write, originNs, head, secrets = [] }: CastRecorderOptions) {
    this.#originNs = originNs
    this.#redactors = { output: new Redactor(secrets), input: new Redactor(secrets) }
    this.#writer = new CastWriter(write)
    if (head) this.#writer.begin(head)
  }

  /** Bytes that the console said. */
  output(chunk: Buffer, atNs: bigint): void {
    this.#add('output', this.#redactors.output.push(chunk), atNs)
  }

  /** Bytes that were typed. */
  input(chunk: Buffer, atNs: bigint): void {
    this.#add('input', this.#redactors.input.push(chunk), atNs)
  }

  /** Something that is neither: `console lost: unplugged`. */
  marker(text: string, atNs: bigint): void {
    this.settle()
    this.#writer.event({ atMs: msBetween(this.#originNs, atNs), type: 'marker', text })
  }

  /** Writes what waits for more of its kind. */
  settle(): void {
    const waiting = this.#together
    this.#together = undefined
    if (!waiting) return
    const atMs = msBetween(this.#originNs, waiting.atNs)
    this.#writer.event({ atMs, type: waiting.direction, bytes: Buffer.concat(waiting.parts) })
  }

  /** Writes all that waits: nothing follows. */
  end(): void {
    this.settle()
    for (const direction of ['output', 'input'] as const) {
      const rest = this.#redactors[direction].flush()
      this.#add(direction, rest, this.#originNs)
      this.settle()
    }
    this.#writer.end()
  }

  #add(direction: Direction, bytes: Buffer, atNs: bigint): void {
    if (bytes.length === 0) return
    const waiting = this.#together
    if (waiting?.direction === direction && msBetween(waiting.atNs, atNs) < togetherMs)
      waiting.parts.push(bytes)
    else {
      this.settle()
      this.#together = { direction, atNs, parts: [bytes] }
    }
  }
}
