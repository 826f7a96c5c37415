/** The suites that exist: each is suites/NAME.ts. */
export const suiteNames = [
  'smoke',
  'timing',
  'stress',
  'shutdown',
  'gap',
  'experiment',
  'downtime',
  'kexec-tools',
  'kdump',
  'loader',
  'chain',
] as const
export type Suite = (typeof suiteNames)[number]
