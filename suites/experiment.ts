/** Where the gap goes, told from cycles that differ in one thing; on QEMU with what its borders show beside it. */
import { experimentOnGap } from './support/gap-experiment.ts'
import { openSuite } from './support/suite.ts'

const suite = await openSuite('experiment', { attributes: true })

suite.test('takes the gap apart by cycles that differ in one thing', async (t, board) => {
  const { conditions } = await experimentOnGap(board, suite.method, suite.iterations(3))
  t.true(conditions.length > 1)
})
