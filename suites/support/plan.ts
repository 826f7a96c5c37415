/** What this process was started to do: the plan that the command line wrote into the run's journal. */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Descriptor } from '../../harness/board/descriptor.ts'
import type { QemuChoice } from '../../harness/board/qemu-board.ts'
import { UsageError } from '../../harness/errors.ts'
import type { Plan } from '../../harness/journal/events.ts'
import { readJournal } from '../../harness/journal/journal.ts'
import { type Image, imageSchema } from '../../images/image-schema.ts'

export type BoardPlan = {
  plan: Plan
  journal: string
  /** The run's start on the monotonic clock, nanoseconds. */
  originNs: bigint
  descriptor: Descriptor
  image: Image | null
  qemu: QemuChoice
  /** The fault module that each old kernel gets; null: none. */
  fault: Plan['boards'][number]['fault']
}

/** Reads the plan of the run and board that `-- --run DIR --board NAME` names. Throws UsageError without them. */
export async function readPlan(argv: string[]): Promise<BoardPlan> {
  const { values } = parseArgs({
    args: argv,
    options: { run: { type: 'string' }, board: { type: 'string' } },
    strict: false,
  })
  const { run, board } = values
  if (typeof run !== 'string' || typeof board !== 'string')
    throw new UsageError('a suite needs to know its run and board', {
      hint: 'Start it with `npm test -- --board NAME --suite NAME`.',
    })
  const journal = join(run, 'journal.jsonl')
  for await (const event of readJournal(journal)) {
    if (event.type !== 'run-started') continue
    const found = event.plan.boards.find((candidate) => candidate.name === board)
    if (!found) throw new UsageError(`board ${board} is not in the plan of ${run}`)
    return {
      plan: event.plan,
      journal,
      originNs: BigInt(Math.round(event.t)),
      // Parsed by the command line, which wrote it: the schema knows every switch there is, and would delay the start.
      descriptor: found.descriptor as Descriptor,
      image: imageSchema.nullable().parse(found.image),
      qemu: found.machine as QemuChoice,
      fault: found.fault,
    }
  }
  throw new UsageError(`${journal} holds no plan`)
}
