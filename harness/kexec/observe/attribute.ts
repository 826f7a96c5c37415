/** Where the gap goes: follows the handover from border to border, on boards that can be looked into. */
import type { BordersStart, BordersWatch } from '../../../qemu/handover-borders.ts'
import type { Sampling } from '../../../qemu/pc-sampling.ts'
import { LabError } from '../../errors.ts'
import type { LoadedImages } from './loaded-image.ts'
import type { Observer, Occasion } from './observer.ts'
import { machineKexecAddress } from './symbols.ts'

/**
 * Arms the board's watch where it has one, and samples where its CPU is. A kernel that hides its symbols has its image searched
 * for in memory.
 */
export function attributing(images: LoadedImages): Observer {
  let watch: BordersWatch | undefined
  let sampling: Sampling | undefined
  let arrived = false
  return {
    async prepare(occasion) {
      watch = await arm(occasion, images)
      // From the execute on: what begins with the last line has its first sample too late.
      sampling = occasion.board.samplePcs?.()
    },
    line({ atNs }, stage) {
      if (stage !== 'startup' || arrived) return
      arrived = true
      watch?.end(atNs)
      sampling?.stop()
    },
    async finish({ evidence }) {
      if (sampling) evidence.samples = await sampling.stop()
      await watch?.[Symbol.asyncDispose]()
      const result = await watch?.result
      if (!result) return
      if ('failed' in result) evidence.notes.push(`the gap was not followed by breakpoints: ${result.failed}`)
      else evidence.borders = result
    },
  }
}

async function arm(occasion: Occasion, images: LoadedImages): Promise<BordersWatch | undefined> {
  const { board, evidence } = occasion
  const machineKexec = board.watchBorders ? await machineKexecAddress(occasion) : null
  if (machineKexec === null) evidence.kimage = await images.find(occasion)
  const from = machineKexec ?? evidence.kimage
  if (from === undefined) return undefined
  const watch = await breakpoints(occasion, from)
  // The samples have to do, which need to know what is where.
  if (!watch) evidence.kimage ??= await images.find(occasion)
  return watch
}

/** Undefined where there are none on this board, or with a note where they can't be set. */
async function breakpoints(
  { board, evidence, signal }: Occasion,
  from: BordersStart,
): Promise<BordersWatch | undefined> {
  try {
    return await board.watchBorders?.(from, signal)
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    evidence.notes.push(`no breakpoints: ${error.message}`)
    return undefined
  }
}
