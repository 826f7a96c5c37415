/** The phases of a cycle that follow one another; see harness/kexec/outcome.ts for what each is. */
export const phaseNames = ['loadMs', 'shutdownMs', 'gapMs', 'startupMs', 'userspaceMs'] as const
