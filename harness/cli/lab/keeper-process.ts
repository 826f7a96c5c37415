/** The process that reads the consoles of a run's real boards, and does nothing else, so that nothing delays their stamps. */
import { join } from 'node:path'
import { ConsoleKeeper } from '../../board/console-keeper.ts'
import { parsedDescriptor } from '../../board/descriptor.ts'
import { isReal, type RealDescriptor } from '../../board/kinds.ts'
import { HarnessError } from '../../errors.ts'
import { readJournal } from '../../journal/journal.ts'
import type { KeeperMessage } from './keep-consoles.ts'

const tell = (message: KeeperMessage) => process.send?.(message)

async function keep(run: string, originNs: bigint, descriptor: RealDescriptor): Promise<void> {
  const { name: board } = descriptor
  try {
    const keeper = await ConsoleKeeper.open(
      {
        descriptor,
        folder: join(run, 'console'),
        originNs,
        onFailure: ({ message, hint }) => tell({ type: 'recording-failed', board, message, hint }),
      },
      new AbortController().signal,
    )
    keepers.push(keeper)
    tell({ type: 'kept', board })
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error
    const { message, hint, kind } = error
    tell({ type: 'refused', board, message, hint, kind: kind === 'usage' ? 'usage' : 'lab' })
  }
}

/** Closing takes a few seconds where a program behind a console does not end by itself. */
const closeLimitMs = 10_000
const keepers: ConsoleKeeper[] = []
// Each recorder flushes at the end of the process.
process.setMaxListeners(0)

process.once('disconnect', async () => {
  setTimeout(() => process.exit(1), closeLimitMs).unref()
  await Promise.all(keepers.map((keeper) => keeper[Symbol.asyncDispose]()))
  process.exit(0)
})
process.on('SIGINT', () => {})
const [run = '', ...boards] = process.argv.slice(2)
for await (const event of readJournal(join(run, 'journal.jsonl'))) {
  if (event.type !== 'run-started') continue
  // Not those that somebody else has.
  const plans = event.plan.boards.filter(({ name }) => boards.includes(name))
  const descriptors = plans.map(({ descriptor }) => parsedDescriptor.parse(descriptor))
  const originNs = BigInt(Math.round(event.t))
  await Promise.all(descriptors.filter(isReal).map((descriptor) => keep(run, originNs, descriptor)))
  break
}
