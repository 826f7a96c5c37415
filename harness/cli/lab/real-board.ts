/** A board that a person uses by hand, made ready as a run does it: its labgrid place acquired, its rig started. */
import type { Descriptor } from '../../board/descriptor.ts'
import type { RealDescriptor } from '../../board/kinds.ts'
import { UsageError } from '../../errors.ts'
import { printProgress } from '../progress.ts'

/** A board's descriptor, resolved; disposing of it gives back what was taken for it. */
export type Resolved = AsyncDisposable & { descriptor: RealDescriptor }

/**
 * Takes a board that comes with being held. Throws UsageError for a QEMU board, and what keeps it from being had: somebody
 * else, a quarantine, labgrid.
 */
export async function hold(descriptor: Descriptor, command: string, signal: AbortSignal): Promise<Resolved> {
  const { name } = descriptor
  // It brings labgrid and the rig, which other boards have no use for.
  const { Hold } = await import('./hold.ts')
  const held = await Hold.take([descriptor], { command, progress: printProgress, signal })
  const resolved = held.descriptor(name)
  if (resolved) return { descriptor: resolved, [Symbol.asyncDispose]: () => held[Symbol.asyncDispose]() }
  await held[Symbol.asyncDispose]()
  throw held.refused.get(name) ?? noSwitch(descriptor)
}

/** What a QEMU board answers to who wants to switch it. */
export function noSwitch({ name }: Descriptor): UsageError {
  return new UsageError(`${name} is a QEMU board: there is no power to switch`, {
    hint: 'A run starts its machine and ends it.',
  })
}
