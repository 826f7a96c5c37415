/** Tells what the lab did to a board's console from what the board said itself. */
import type { Console } from '../console/console.ts'
import { LabError } from '../errors.ts'
import type { RealDescriptor } from './kinds.ts'

/** What went wrong with the console since a moment: a hole in what it said, or bytes that are no text. */
export function labFault(
  descriptor: RealDescriptor,
  console: Console,
  sinceNs: bigint,
): LabError | undefined {
  const { name: board } = descriptor
  const hole = console.holes.find(({ atNs, backNs }) => atNs >= sinceNs || backNs === undefined)
  if (hole)
    return new LabError(`the console of ${board} was lost meanwhile: ${hole.reason}`, {
      board,
      hint: 'Look at its cable, its adapter and its console server; console/ in the run’s folder marks the hole.',
    })
  const { garble } = console
  if (garble === undefined) return undefined
  return new LabError(`the console of ${board} is garbled: ${garble}`, {
    board,
    hint: 'Look at the baud rate, the ground of the cable, and the levels: 3.3 V, 5 V or RS-232.',
  })
}
