/** Puts a fault module into the old kernel, so that it is known whether the detectors see it. */
import { quote } from '../../console/shell.ts'
import { BoardError } from '../../errors.ts'
import { commandTimeoutMs, type Observer } from './observer.ts'

/** A fault of images/faults.ts, on the board's fault disk. */
export type FaultModule = { name: string }

/** `target` is the physical address of the memory canary, at which the fault's stray DMA is aimed. */
export function injecting({ name }: FaultModule, target: bigint | undefined): Observer {
  return {
    async prepare({ board, signal }) {
      const parameters = target === undefined ? [] : [`target=0x${target.toString(16)}`]
      const command = ['harness-fault', name, ...parameters].map(quote).join(' ')
      const { status, output } = await board.shell.run(command, { timeoutMs: commandTimeoutMs, signal })
      if (status === 0) return
      throw new BoardError(
        `the fault module ${name} could not be put into ${board.descriptor.name}: ${output.trim().slice(-300) || `status ${status}`}`,
        {
          board: board.descriptor.name,
          hint: 'A fault module fits one kernel only: that of the image, not one given by --kernel.',
        },
      )
    },
  }
}
