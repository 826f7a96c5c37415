/** A long chain of kexecs on one power-on: how often one fails, and whether gap or memory drift over the generations. */
import { KexecFailure } from '../harness/errors.ts'
import { describeMethod } from '../harness/loader/loader.ts'
import { openSuite } from './support/suite.ts'

const suite = await openSuite('stress', { warm: true })
const iterations = suite.iterations(20)
// The digest is purgatory's; without it a night holds several times as many handovers.
const way = suite.quickestMethod

suite.test(`survives a long chain of kexecs with ${describeMethod(way)}`, async (t, board) => {
  const failures: string[] = []
  for (let iteration = 1; iteration <= iterations; iteration++) {
    const cycle = await board.tryKexec(way, { iteration, iterations })
    if (cycle.failure) failures.push(`cycle ${cycle.cycle}: ${cycle.failure.message}`)
  }
  if (failures.length > 0)
    throw new KexecFailure(`${failures.length} of ${iterations} cycles failed; ${failures[0]}`)
  t.pass()
})
