import { gapPartNames } from '../kexec/outcome.ts'

/** The phases of a cycle that follow one another; see harness/kexec/outcome.ts for what each is. */
export const phaseNames = ['loadMs', 'shutdownMs', 'gapMs', 'startupMs', 'userspaceMs'] as const

/** The same in the order of a cycle, the gap followed by what it is made of. Sums of phases are no part of it. */
export const phasesAndParts = phaseNames.flatMap((phase) =>
  phase === 'gapMs' ? ([phase, ...gapPartNames] as const) : ([phase] as const),
)
