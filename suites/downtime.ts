/** Downtime as a user feels it: for how long the board answers neither ping nor TCP, for each way of loading. */
import { KexecFailure } from '../harness/errors.ts'
import type { Outage } from '../harness/kexec/observe/downtime-record.ts'
import { describeMethod, type LoadMethod } from '../harness/loader/loader.ts'
import { duration } from '../harness/quantities.ts'
import type { BoardUnderTest } from './support/board-under-test.ts'
import { networkMissing } from './support/network.ts'
import { openSuite } from './support/suite.ts'

const suite = await openSuite('downtime', { asksNetwork: true })

const ways: LoadMethod[] = [
  { syscall: 'kexec_load', checks: true, ifdown: true },
  { syscall: 'kexec_load', checks: false, ifdown: true },
  // The network is there until the kernel itself shuts the card down.
  { syscall: 'kexec_load', checks: false, ifdown: false },
  { syscall: 'kexec_file_load', checks: true, ifdown: true },
]

for (const way of ways)
  suite.test(`answers its network again with ${describeMethod(way)}`, async (t, board) => {
    const missing = await networkMissing(board)
    if (missing !== undefined) suite.skip(missing)
    await suite.repeat(3, async (turn) => {
      const { proven, phases, evidence } = await board.kexec(way, turn)
      t.true(proven)
      const { icmp, tcp } = evidence?.downtime ?? {}
      if ((icmp?.ms ?? tcp?.ms ?? null) === null) throw failure(board, icmp ?? tcp)
      return phases.gapMs
    })
  })

function failure({ board: { descriptor } }: BoardUnderTest, seen: Outage | null | undefined): KexecFailure {
  const { name: board, limits } = descriptor
  const message =
    seen?.lastAnswerMs === null
      ? `${board} stopped answering ping and TCP before it was kexec'd`
      : `${board} answered neither ping nor TCP within ${duration(limits.startupMs)} of its shell's first answer`
  return new KexecFailure(message, { board })
}
