/** Whether a median is known as well as somebody asked for. */
import { summarize } from './summary.ts'

/**
 * Half the width of the median's exact 95 % interval, as a share of the median: 0.05 is "within 5 %". Null where there are
 * too few values for an interval, or where the median is not above zero.
 */
export function precisionOf(values: readonly number[]): number | null {
  if (!values.some(Number.isFinite)) return null
  const { median, ci95 } = summarize(values)
  return ci95 === null || median <= 0 ? null : (ci95[1] - ci95[0]) / 2 / median
}
