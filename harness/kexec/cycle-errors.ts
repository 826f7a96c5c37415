/** How a cycle ends from within. */
import type { DiagnosisKind } from './outcome.ts'

/** Thrown where the running kernel does not have the syscall: no fault of anyone, so the test is skipped. */
export class UnsupportedMethod extends Error {
  override name = 'UnsupportedMethod'
}

/** Ends a cycle from within, with what is known of it. */
export class CycleFailed extends Error {
  readonly kind: DiagnosisKind
  readonly facts: string[]

  constructor(kind: DiagnosisKind, message: string, facts: string[] = []) {
    super(message)
    this.kind = kind
    this.facts = facts
  }
}
