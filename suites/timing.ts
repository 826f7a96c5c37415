/** How long the handover takes: several cycles for each way of loading, for statistics of the gap and of each phase. */
import { describeMethod, type LoadMethod } from '../harness/loader/loader.ts'
import { openSuite } from './support/suite.ts'

const suite = await openSuite('timing')

const ways: LoadMethod[] = [
  { syscall: 'kexec_load', checks: true, ifdown: true },
  { syscall: 'kexec_load', checks: false, ifdown: true },
  { syscall: 'kexec_file_load', checks: true, ifdown: true },
]

for (const way of ways)
  suite.test(`times the handover with ${describeMethod(way)}`, async (t, board) => {
    await suite.repeat(5, async (turn) => {
      const cycle = await board.kexec(way, turn)
      t.true(cycle.proven)
      return cycle.phases.gapMs
    })
  })
