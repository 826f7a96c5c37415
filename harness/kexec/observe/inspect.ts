/** Looks at every PCI device from outside, with the machine stopped at purgatory's entry. */

import type { HandoverWatch } from '../../../qemu/inspection.ts'
import type { Observer } from './observer.ts'
import { machineKexecAddress } from './symbols.ts'

/** Arms the board's watch where it has one; else the probe is all there is. */
export function inspecting(): Observer {
  let watch: HandoverWatch | undefined
  return {
    async prepare(occasion) {
      const { board, evidence, signal } = occasion
      if (!board.watchHandover) return
      const machineKexec = await machineKexecAddress(occasion)
      if (machineKexec === null)
        evidence.notes.push('/proc/kallsyms does not tell where machine_kexec is: looking through the gap')
      watch = await board.watchHandover(machineKexec, signal)
    },
    line(_line, stage) {
      if (stage === 'gap') watch?.poll()
      else if (stage === 'startup') watch?.endPolling()
    },
    async finish({ evidence }) {
      await watch?.[Symbol.asyncDispose]()
      const result = await watch?.result
      if (!result) return
      if ('failed' in result) evidence.notes.push(`devices were not inspected: ${result.failed}`)
      else evidence.inspection = result
    },
  }
}
