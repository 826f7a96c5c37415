/** One thing wrong, with evidence, and what it points to. */
import { z } from 'zod'
import { phaseNames, severities } from './signature.ts'

export const finding = z.object({
  /** The signature's id, or the kind of a diagnosis. */
  id: z.string(),
  severity: z.enum(severities),
  phase: z.enum(phaseNames),
  board: z.string(),
  generation: z.number().int(),
  /** A PCI address such as 0000:00:04.0, or a platform device's name. */
  device: z.string().nullable(),
  driver: z.string().nullable(),
  cpu: z.number().int().nullable(),
  /** Whether it was seen itself, or follows from what was seen. */
  confidence: z.enum(['seen', 'inferred']),
  evidence: z.array(z.string()),
  advice: z.string(),
})
export type Finding = z.infer<typeof finding>

/** Most severe first; for sorting. */
export function bySeverity(left: Pick<Finding, 'severity'>, right: Pick<Finding, 'severity'>): number {
  return severities.indexOf(left.severity) - severities.indexOf(right.severity)
}

/** Whether a finding fails the cycle that it was made in. */
export function isSerious({ severity }: Pick<Finding, 'severity'>): boolean {
  return severity === 'error' || severity === 'fatal'
}
