/** What drivers leave running: devices are busy when the kexec comes, and each is looked at between the two kernels. */

import { KexecFailure } from '../harness/errors.ts'
import { describeMethod, type LoadMethod } from '../harness/loader/loader.ts'
import { openSuite } from './support/suite.ts'

const suite = await openSuite('shutdown', { observes: true, slowShutdownMs: 2_000 })
const iterations = suite.iterations(1)

const ways: LoadMethod[] = [
  { ...suite.method, ifdown: true },
  // Interfaces that are still up show network drivers that leave the work to user space.
  { ...suite.method, ifdown: false },
]

for (const way of ways)
  suite.test(`leaves no device at work with ${describeMethod(way)}`, async (t, board) => {
    for (let iteration = 1; iteration <= iterations; iteration++) {
      const { record } = await board.kexec(way, { iteration, iterations })
      const [disagreement] = record!.disagreements
      if (disagreement)
        throw new KexecFailure(`the new kernel sees devices otherwise than from outside: ${disagreement}`)
    }
    t.pass()
  })
