/** How a cycle ends from within. */
import type { LoadMethod } from '../loader/loader.ts'
import type { DiagnosisKind } from './outcome.ts'

/** Thrown where the running kernel does not have the syscall: no fault of anyone, so the test is skipped. */
export class UnsupportedMethod extends Error {
  override name = 'UnsupportedMethod'
}

/** The running kernel has no such system call. */
export function kernelLacks(release: string, { syscall }: LoadMethod): UnsupportedMethod {
  return new UnsupportedMethod(`the running kernel ${release} has no ${syscall}`)
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
