/** What every stage's entry in a descriptor may say, and how long a stage may take. */
import { z } from 'zod'
import { checkedMs, durationText } from '../../duration.ts'
import { oneLine } from '../../values.ts'
import type { StageContext } from './stage.ts'

export const stageKeys = {
  name: oneLine.optional().meta({ description: 'What messages call this stage.' }),
  limit: durationText
    .optional()
    .meta({ description: 'The longest that this stage may take; what is left of limits.boot without it.' }),
}

/** Keys to press, which may be control characters: in YAML `"\x03"` is Ctrl-C, `"\e"` Escape. */
export const keys = z
  .string()
  .min(1)
  .max(64)
  .meta({ title: 'keys to press', examples: [' ', 'stop\r', '\u0003'] })

/** A stage's time: what is left of it, milliseconds, at least 1. */
export type TimeLeft = () => number

/** Starts a stage's clock. */
export function startLimit(
  limit: string | number | undefined,
  { timeoutMs }: Pick<StageContext, 'timeoutMs'>,
): TimeLeft {
  const ownMs = limit === undefined ? timeoutMs : Math.min(timeoutMs, checkedMs(limit))
  const deadline = performance.now() + ownMs
  return () => Math.max(1, Math.round(deadline - performance.now()))
}
