/** Opens the board that a plan names: a QEMU machine of this process, or a board on a rack whose console the run keeps. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Board } from '../../harness/board/board.ts'
import { isQemu, isReal } from '../../harness/board/kinds.ts'
import { type Bootloader, QemuBoard } from '../../harness/board/qemu-board.ts'
import { ConsoleRecorder } from '../../harness/console/recorder.ts'
import { type LabError, UsageError } from '../../harness/errors.ts'
import type { BoardPlan } from './plan.ts'

export type Watch = {
  /** Hears what happens to console and power, a sentence each. */
  log: (text: string) => void
  /** Told once, when the console can't be recorded any more. */
  onFailure: (error: LabError) => void
  signal: AbortSignal
}

/** Throws LabError where its console or its switch can't be used. */
export async function openBoard(
  { plan, descriptor, image, qemu, originNs, fault }: BoardPlan,
  { log, onFailure, signal }: Watch,
  bootloader?: Bootloader,
): Promise<Board> {
  if (isReal(descriptor)) {
    // Only now: it must not delay the start of QEMU boards.
    const { LabBoard } = await import('../../harness/board/lab-board.ts')
    return await LabBoard.open({ descriptor, run: plan.results, log, signal })
  }
  if (!isQemu(descriptor))
    throw new UsageError(`${descriptor.name} is of the rig, which does not run`, {
      hint: `Start it with: npm test -- --board ${descriptor.name}`,
    })
  const folder = join(plan.results, 'console')
  mkdirSync(folder, { recursive: true })
  const recorder = new ConsoleRecorder({ folder, board: descriptor.name, originNs, onFailure })
  return new QemuBoard({ descriptor, image, qemu, recorder, bootloader, faultDisk: fault?.disk })
}
