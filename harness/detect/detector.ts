/** Reads a console line by line and keeps what signatures match, dumps as a whole. */
import type { Line } from '../console/lines.ts'
import { Block, type BlockResult, rank, shortened, strongest } from './block.ts'
import { createMatcher, type Matcher } from './matcher.ts'
import { type Origin, originOf } from './origin.ts'
import type { Phase, Signature } from './signature.ts'

/** Hits kept of one detector; beyond that a more severe one replaces the last of the least severe. */
export const maxHits = 200

/** One thing that a console said: a message, or a whole dump. */
export type Hit = Origin & {
  signature: Signature
  phase: Phase
  /** Arrival of the first byte of the first line: CLOCK_MONOTONIC, nanoseconds. */
  atNs: bigint
  /** The line that the signature matched; a line longer than 1024 characters is cut. */
  message: string
  /** The message, or up to 200 lines of the dump. */
  lines: string[]
}

const none: readonly Signature[] = []

/** Looks for signatures on one console. It holds at most 200 hits and one open dump, whatever the console sends. */
export class Detector {
  readonly #matcher: Matcher
  readonly #order: ReadonlyMap<Signature, number>
  #hits: Hit[] = []
  #dropped = 0
  #open: Block | undefined

  /** Signatures for other architectures than `arch` (such as `x86_64`, `arm64`) are left out. */
  constructor(options: { signatures: readonly Signature[]; arch: string }) {
    const signatures = options.signatures.filter(
      ({ arch }) => arch === 'any' || arch.some((name) => name === options.arch),
    )
    this.#matcher = createMatcher(signatures)
    this.#order = new Map(signatures.map((signature, index) => [signature, index]))
  }

  /** Hits that were left out because there were too many. */
  get dropped(): number {
    return this.#dropped
  }

  /** Takes the console's next line; `phase` is the part of the cycle that it came in. */
  line(line: Line, phase: Phase): void {
    const matched = this.#matcher.match(line.text)
    if (matched.length === 0 && this.#open === undefined) return
    if (this.#open?.endsBefore(line.text, phase)) this.#close()
    const counted = countedIn(matched, phase)
    if (this.#open?.isLast(line.text)) {
      this.#open.add(line.text, counted)
      this.#close()
    } else if (counted.some(({ form }) => form === 'block')) this.#addToBlock(line, phase, counted)
    else this.#addMessage(line, phase, counted)
  }

  /** Ends what is still open; the hits so far, in the order of the console. The detector may be used on. */
  finish(): Hit[] {
    this.#close()
    return [...this.#hits]
  }

  #addToBlock(line: Line, phase: Phase, counted: readonly Signature[]): void {
    const openers = counted.filter(({ form }) => form === 'block')
    if (openers.some((signature) => this.#open?.startsAnother(signature))) this.#close()
    this.#open ??= new Block(phase, line.atNs, this.#order)
    if (!this.#open.add(line.text, counted) || this.#open.isLast(line.text)) this.#close()
  }

  #addMessage(line: Line, phase: Phase, counted: readonly Signature[]): void {
    const messages = counted.filter(({ form }) => form === 'line')
    if (messages.length > 0) {
      const message = shortened(line.text)
      this.#keep({ signature: strongest(messages), message, lines: [message], phase, atNs: line.atNs })
    }
    const traces = counted.filter(({ form }) => form === 'trace')
    if (this.#open && !this.#open.add(line.text, traces)) this.#close()
  }

  #close(): void {
    const block = this.#open
    this.#open = undefined
    if (block) this.#keep(block.result())
  }

  #keep(result: BlockResult): void {
    const hit = { ...result, ...originOf(result.message, result.lines) }
    if (this.#hits.length >= maxHits) {
      this.#dropped++
      const least = Math.max(...this.#hits.map(({ signature }) => rank(signature)))
      if (rank(hit.signature) >= least) return
      this.#hits.splice(
        this.#hits.findLastIndex(({ signature }) => rank(signature) === least),
        1,
      )
    }
    const after = this.#hits.findLastIndex(({ atNs }) => atNs <= hit.atNs)
    this.#hits.splice(after + 1, 0, hit)
  }
}

/** What counts in this phase; nothing on a line that is known to look wrong and be right. */
function countedIn(matched: readonly Signature[], phase: Phase): readonly Signature[] {
  const counted = matched.filter(({ phases }) => phases === 'any' || phases.includes(phase))
  return counted.some(({ expected }) => expected) ? none : counted
}

/** What a cold boot complains of: the control for what comes after a kexec. */
export function hitsOf(lines: readonly Line[], arch: string, signatures: Signature[]): Hit[] {
  const detector = new Detector({ signatures, arch })
  for (const line of lines) detector.line(line, 'early')
  return detector.finish()
}
