/** Thrown in a test to skip it, with the reason that the report shows. */
export class Skip extends Error {
  override name = 'Skip'
}
