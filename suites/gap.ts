/** Where the time goes between the old kernel's last line and the new kernel's first, for each way of loading. */
import { describeMethod, type LoadMethod } from '../harness/loader/loader.ts'
import { openSuite } from './support/suite.ts'

const suite = await openSuite('gap', { attributes: true })

const ways: LoadMethod[] = [
  { syscall: 'kexec_load', checks: true, ifdown: true },
  { syscall: 'kexec_load', checks: false, ifdown: true },
  { syscall: 'kexec_file_load', checks: true, ifdown: true },
]

for (const way of ways)
  suite.test(`takes the gap apart with ${describeMethod(way)}`, async (t, board) => {
    await suite.repeat(3, async (turn) => {
      const cycle = await board.kexec(way, turn)
      t.true(cycle.proven)
      return cycle.phases.gapMs
    })
  })
