/** How long the handover takes: several cycles for each way of loading, for statistics of the gap and of each phase. */
import { describeMethod, type LoadMethod } from '../harness/loader/loader.ts'
import { openSuite } from './support/suite.ts'

const suite = await openSuite('timing')
const iterations = suite.iterations(5)

const ways: LoadMethod[] = [
  { syscall: 'kexec_load', checks: true, ifdown: true },
  { syscall: 'kexec_load', checks: false, ifdown: true },
  { syscall: 'kexec_file_load', checks: true, ifdown: true },
]

for (const way of ways)
  suite.test(`times the handover with ${describeMethod(way)}`, async (t, board) => {
    for (let iteration = 1; iteration <= iterations; iteration++) {
      const cycle = await board.kexec(way, { iteration, iterations })
      t.true(cycle.proven)
    }
  })
