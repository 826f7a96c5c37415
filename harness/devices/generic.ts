import type { Family } from './family.ts'

/** Everything else: only its configuration space is understood. */
export const generic: Family = {
  name: 'generic',
  match: ['????:????:??????'],
  registers: [],
  judge: () => ({ running: null, waking: false, notReset: false, facts: [] }),
}
