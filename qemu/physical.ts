/** Device registers at guest-physical addresses, read through the human monitor: in one access of the right width. */
import { LabError } from '../harness/errors.ts'
import type { ExecuteOptions, QmpClient } from './qmp.ts'

export type ReadOptions = Pick<ExecuteOptions, 'signal' | 'timeoutMs'>

const formats = { 8: 'b', 16: 'h', 32: 'w' }

/** Reads one number of `width` bits, in one access. Throws LabError when QEMU does not answer with one. */
export async function readPhysical(
  qmp: QmpClient,
  address: number,
  width: keyof typeof formats,
  options: ReadOptions = {},
): Promise<number> {
  const command = `xp /1x${formats[width]} 0x${address.toString(16)}`
  const answer = await qmp.humanMonitor(command, options)
  const value = /: (0x[\da-f]{1,8})\s*$/.exec(answer)?.[1]
  if (value !== undefined) return Number(value)
  throw new LabError(`QEMU answered "${command}" with ${JSON.stringify(answer.slice(0, 200))}`)
}
