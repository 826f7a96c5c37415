/** Values that lie far from the others: they are kept in every number, and marked. */
import { mean, median, medianAbsoluteDeviation } from 'simple-statistics'

/** The rule in words, for whoever reads a mark. */
export const outlierRule =
  'further from the median than 3.5 times the scaled median absolute deviation (Iglewicz and Hoaglin 1993), of five values or more'

const fewest = 5
const farthest = 3.5
/** Makes a median absolute deviation, and a mean one, comparable with a standard deviation. */
const scaledMedian = 1.482602218505602
const scaledMean = 1.2533141373155

/**
 * The indices of the outliers. Where more than half of the values are equal, their median deviation is zero and the mean
 * one takes its place, as in the book: Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993, pages 11 to 13.
 */
export function outlierIndices(values: readonly number[]): number[] {
  const known = values.filter(Number.isFinite)
  if (known.length < fewest) return []
  const centre = median(known)
  const spread =
    scaledMedian * medianAbsoluteDeviation(known) ||
    scaledMean * mean(known.map((value) => Math.abs(value - centre)))
  if (spread === 0) return []
  return values.flatMap((value, index) => (Math.abs(value - centre) > farthest * spread ? [index] : []))
}
