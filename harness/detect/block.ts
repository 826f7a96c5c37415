/** One dump, from the line that opens it to its end, collected line by line. */
import { isDumpLine, startsKernel } from './dump.ts'
import { type Phase, type Signature, severities } from './signature.ts'

/** Lines kept of one dump. */
const maxBlockLines = 200
/** Characters kept of one line: printk writes at most 1024 a message. */
const maxLineLength = 1024
/** So many lines in a row that belong to no dump end one that has no last line of its own. */
const strangersAllowed = 3
/** A dump with a last line may have other messages in it, but a machine that died never writes that line. */
const strangersBeforeEnd = 40

/** Which of several signatures names a line or a dump: the most severe, of equals the first in the catalogue. */
export function strongest(signatures: readonly Signature[]): Signature {
  return signatures.reduce((best, one) => (rank(one) < rank(best) ? one : best))
}

/** 0 for fatal, more for less. */
export function rank(signature: Signature): number {
  return severities.indexOf(signature.severity)
}

/** A line as it is kept: a console that sends no line ends can't fill memory. */
export function shortened(text: string): string {
  return text.length <= maxLineLength ? text : `${text.slice(0, maxLineLength)}…`
}

/** What a block is known by at its end. */
export type BlockResult = {
  signature: Signature
  message: string
  lines: string[]
  phase: Phase
  atNs: bigint
}

export class Block {
  readonly #phase: Phase
  readonly #atNs: bigint
  readonly #order: ReadonlyMap<Signature, number>
  readonly #lines: string[] = []
  readonly #ends: RegExp[] = []
  readonly #seen = new Map<Signature, string>()
  /** Lines at the end that belong to no dump: perhaps the log has gone on. */
  #strangers = 0

  /** `order` gives each signature's place in the catalogue. */
  constructor(phase: Phase, atNs: bigint, order: ReadonlyMap<Signature, number>) {
    this.#phase = phase
    this.#atNs = atNs
    this.#order = order
  }

  /** Whether a line that opens a block of this signature is the start of another one. */
  startsAnother(signature: Signature): boolean {
    return this.#seen.has(signature) || (signature.until !== undefined && this.#ends.length === 0)
  }

  /** Whether the line is a later kernel's, so that this block has ended before it. */
  endsBefore(text: string, phase: Phase): boolean {
    return isNewKernel(phase) !== isNewKernel(this.#phase) || startsKernel(text)
  }

  /** Whether the line is the last one of the block. */
  isLast(text: string): boolean {
    return this.#ends.some((end) => end.test(text))
  }

  /** Adds a line and the signatures that it shows. Returns false when the block is over. */
  add(text: string, signatures: readonly Signature[]): boolean {
    this.#lines.push(shortened(text))
    for (const signature of signatures) this.#know(signature, text)
    if (signatures.length > 0 || this.isLast(text) || isDumpLine(text)) this.#strangers = 0
    else this.#strangers++
    const allowed = this.#ends.length > 0 ? strangersBeforeEnd : strangersAllowed
    return this.#lines.length < maxBlockLines && this.#strangers <= allowed
  }

  result(): BlockResult {
    const signatures = [...this.#seen.keys()].sort(
      (left, right) => this.#order.get(left)! - this.#order.get(right)!,
    )
    const signature = strongest(signatures)
    const lines = this.#lines.slice(0, this.#lines.length - this.#strangers)
    const message = shortened(this.#seen.get(signature)!)
    return { signature, message, lines, phase: this.#phase, atNs: this.#atNs }
  }

  #know(signature: Signature, text: string): void {
    if (this.#seen.has(signature)) return
    this.#seen.set(signature, text)
    if (signature.until !== undefined) this.#ends.push(new RegExp(signature.until))
  }
}

function isNewKernel(phase: Phase): boolean {
  return phase === 'early' || phase === 'probe' || phase === 'userspace'
}
