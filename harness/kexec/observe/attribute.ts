/** Where the gap goes: follows the handover from border to border, on boards that can be looked into. */
import type { BordersWatch } from '../../../qemu/handover-borders.ts'
import type { Sampling } from '../../../qemu/pc-sampling.ts'
import type { Observer } from './observer.ts'
import { machineKexecAddress } from './symbols.ts'

/** Arms the board's watch where it has one and the kernel's functions have known addresses. */
export function attributing(): Observer {
  let watch: BordersWatch | undefined
  let sampling: Sampling | undefined
  return {
    async prepare(occasion) {
      const { board, evidence, signal } = occasion
      if (!board.watchBorders) return
      const machineKexec = await machineKexecAddress(occasion)
      if (machineKexec === null) {
        evidence.notes.push('/proc/kallsyms does not tell where machine_kexec is: the gap is not taken apart')
        return
      }
      watch = await board.watchBorders(machineKexec, signal)
    },
    line(_line, stage, { board, evidence }) {
      if (stage === 'gap') sampling ??= board.samplePcs?.()
      if (stage !== 'startup') return
      watch?.end()
      sampling?.stop().then((samples) => {
        evidence.samples = samples
      })
    },
    async finish({ evidence }) {
      await sampling?.[Symbol.asyncDispose]()
      await watch?.[Symbol.asyncDispose]()
      const result = await watch?.result
      if (!result) return
      if ('failed' in result) evidence.notes.push(`the gap was not taken apart: ${result.failed}`)
      else evidence.borders = result
    },
  }
}
