/**
 * Where the time goes between the old kernel's last line and the new kernel's first: for each way of loading, or, on a board
 * that nothing can look into, told from cycles that differ in one thing.
 */
import { describeMethod, type LoadMethod } from '../harness/loader/loader.ts'
import { declareBootDetails } from './support/boot-details.ts'
import { canBeLookedInto, experimentOnGap } from './support/gap-experiment.ts'
import { openSuite } from './support/suite.ts'

const suite = await openSuite('gap', { attributes: true })

const ways: LoadMethod[] = [
  { syscall: 'kexec_load', checks: true, ifdown: true },
  { syscall: 'kexec_load', checks: false, ifdown: true },
  { syscall: 'kexec_file_load', checks: true, ifdown: true },
]

for (const way of ways)
  suite.test(`takes the gap apart with ${describeMethod(way)}`, async (t, board) => {
    if (!canBeLookedInto(board)) suite.skip('nothing can look into this board: the experiment tells')
    await suite.repeat(3, async (turn) => {
      const cycle = await board.kexec(way, turn)
      t.true(cycle.proven)
      return cycle.phases.gapMs
    })
  })

suite.test('takes the gap apart by cycles that differ in one thing', async (t, board) => {
  if (canBeLookedInto(board)) suite.skip('it was looked into; --suite experiment does both')
  const { conditions } = await experimentOnGap(board, suite.method, suite.iterations(3))
  t.true(conditions.length > 1)
})

declareBootDetails(suite)
