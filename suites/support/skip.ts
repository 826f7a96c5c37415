import { UnsupportedMethod } from '../../harness/kexec/cycle-errors.ts'

/** Thrown in a test to skip it, with the reason that the report shows. */
export class Skip extends Error {
  override name = 'Skip'
}

/** The skip that an error comes to; undefined where it is none. A way of loading that is not there is no fault of anyone. */
export function skipOf(error: unknown): Skip | undefined {
  if (error instanceof UnsupportedMethod) return new Skip(error.message)
  return error instanceof Skip ? error : undefined
}
