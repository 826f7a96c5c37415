/** Puts a fault module into the old kernel, so that it is known whether the detectors see it. */
import { quote } from '../../console/shell.ts'
import { BoardError } from '../../errors.ts'
import { commandTimeoutMs, type Observer } from './observer.ts'

/** A fault of images/faults.ts, on the board's fault disk. */
export type FaultModule = {
  name: string
  /** Whether its stray DMA can be aimed. */
  aimed: boolean
  /** Parameters of the module, `NAME=VALUE` each. */
  parameters?: readonly string[]
}

/** `target` is the physical address of the memory canary. */
export function injecting(fault: FaultModule, target: number | undefined): Observer {
  const { name, aimed } = fault
  return {
    async prepare({ board, signal }) {
      const aim = aimed && target !== undefined ? [`target=0x${target.toString(16)}`] : []
      const parameters = [...(fault.parameters ?? []), ...aim]
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
