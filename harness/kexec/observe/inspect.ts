/** Looks at every PCI device from outside, with the machine stopped at purgatory's entry. */

import type { HandoverWatch } from '../../../qemu/inspection.ts'
import { commandTimeoutMs, type Observer, type Occasion } from './observer.ts'

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

/** The running kernel's address of machine_kexec(), or null where it is hidden. */
async function machineKexecAddress({ board, signal }: Occasion): Promise<bigint | null> {
  // -m1: it stands near the beginning of some 100 000 symbols.
  const command = "grep -m1 ' T machine_kexec$' /proc/kallsyms"
  const { output } = await board.shell.run(command, { timeoutMs: commandTimeoutMs, signal })
  const address = /^([0-9a-f]{8,16}) T machine_kexec$/m.exec(output)?.[1]
  // kernel.kptr_restrict shows zeros.
  return address === undefined || /^0+$/.test(address) ? null : BigInt(`0x${address}`)
}
