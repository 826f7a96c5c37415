/** What a QEMU machine shows of its guest's state, in words. */
import type { Machine } from '../../qemu/machine.ts'
import type { QmpEvent } from '../../qemu/qmp.ts'
import { type CpuState, findEndlessLoop } from '../../qemu/registers.ts'
import type { Trouble } from './board.ts'

/** The CPU that is found at one jump to itself all the time, in words. */
export async function endlessLoop(machine: Machine, cpus: CpuState[][]): Promise<string | undefined> {
  const loop = await findEndlessLoop(machine, cpus)
  return loop && `CPU${loop.cpu} jumps to itself for ever at 0x${loop.pc.toString(16)}`
}

/** A CPU in user space, or one that idles and would wake for an interrupt: its kernel did not hang there. */
export function isAlive({ mode, halted, interruptsEnabled }: CpuState): boolean {
  return mode === 'user' || (halted === true && interruptsEnabled)
}

/** QMP events after which the machine does not come back by itself; qapi/run-state.json names the reasons. */
export function troubleOf({ name, data }: QmpEvent): Trouble | undefined {
  if (name === 'GUEST_PANICKED')
    return { kind: 'panic', message: 'the guest reported a panic through pvpanic' }
  if (name !== 'SHUTDOWN') return undefined
  return String(data.reason).endsWith('reset')
    ? { kind: 'reset', message: `QMP: SHUTDOWN, reason ${String(data.reason)}` }
    : { kind: 'died', message: `QMP: SHUTDOWN, reason ${String(data.reason)}` }
}
