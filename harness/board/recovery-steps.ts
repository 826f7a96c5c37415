/** What is tried with a board that hangs before its power is cut, since it may still tell why. */
import { ConsoleTimeout } from '../console/console.ts'
import { checkedMs } from '../duration.ts'
import type { RecoveryStep } from './board.ts'
import type { LabBoard } from './lab-board.ts'
import { askSysrq, type BreakSender } from './sysrq.ts'

/** The steps that a board's descriptor allows, in their order. */
export function recoverySteps(board: LabBoard, sender: BreakSender): RecoveryStep[] {
  const { sysrq, loaderTimeout } = board.descriptor.recovery
  return [
    ...(sysrq ? [bySysrq(board, sender)] : []),
    ...(loaderTimeout === undefined ? [] : [byLoader(board, checkedMs(loaderTimeout))]),
  ]
}

/** A kernel that still takes interrupts says what its tasks and CPUs do, and reboots. */
function bySysrq(board: LabBoard, sender: BreakSender): RecoveryStep {
  return {
    name: 'BREAK and sysrq',
    async attempt(signal) {
      const said: string[] = []
      for (const key of ['w', 'l', 'b'] as const) {
        const answer = await askSysrq(key, board.console, sender, signal)
        if (answer === null) return { said: 'this console can send no BREAK', boot: null }
        if (answer === undefined) return { said: said.join('\n') || 'no answer', boot: null }
        said.push(...answer)
      }
      const from = board.console.position
      return { said: said.join('\n'), boot: (commandLine) => board.climb(from, commandLine, signal) }
    },
  }
}

/** A loader with a time-out, or a watchdog, resets the board by itself. */
function byLoader(board: LabBoard, timeoutMs: number): RecoveryStep {
  return {
    name: "loader's time-out",
    async attempt(signal) {
      const from = board.console.position
      try {
        await board.console.expect(/\S/, { from, timeoutMs, signal, what: 'word of the loader' })
      } catch (error) {
        if (error instanceof ConsoleTimeout) return { said: error.message, boot: null }
        throw error
      }
      return { said: 'it spoke again', boot: (commandLine) => board.climb(from, commandLine, signal) }
    },
  }
}
