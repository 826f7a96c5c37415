/** How sure a median is, told from the sample alone by drawing it again and again. */
import { quantileSorted } from 'simple-statistics'
import { seededRandom } from './random.ts'

const seed = 20_260_212
const mostResamples = 2_000
/** Numbers drawn in all: a sample that is larger is drawn less often, as its interval is narrow anyhow. */
const mostDraws = 1_000_000
const fewestResamples = 200

/**
 * 95 % interval of the median by the percentile bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, section
 * 13.3), in the unit of the values. The generator is seeded: the same values give the same interval. Null for a single
 * value, which tells nothing of its spread, and for so many that drawing takes too long; `summarize` has an exact one then.
 */
export function bootstrapMedian(values: readonly number[]): [low: number, high: number] | null {
  const sample = Float64Array.from(values.filter(Number.isFinite))
  const resamples = Math.min(mostResamples, Math.floor(mostDraws / sample.length))
  if (sample.length < 2 || resamples < fewestResamples) return null
  const random = seededRandom(seed)
  const drawn = new Float64Array(sample.length)
  const medians = new Float64Array(resamples)
  for (let round = 0; round < resamples; round++) {
    for (let index = 0; index < drawn.length; index++)
      drawn[index] = sample[Math.floor(random() * sample.length)]!
    drawn.sort()
    medians[round] = (drawn[Math.floor((drawn.length - 1) / 2)]! + drawn[Math.floor(drawn.length / 2)]!) / 2
  }
  const sorted = Array.from(medians.sort())
  return [quantileSorted(sorted, 0.025), quantileSorted(sorted, 0.975)]
}

/** The same of any figure of a sample, which `figure` gives of what was drawn; draws of which it is no number are left out. */
export function bootstrapInterval<Item>(
  sample: readonly Item[],
  figure: (drawn: readonly Item[]) => number,
): [low: number, high: number] {
  const random = seededRandom(seed)
  const figures = Array.from({ length: mostResamples }, () =>
    figure(sample.map(() => sample[Math.floor(random() * sample.length)]!)),
  )
  const sorted = figures.filter(Number.isFinite).sort((one, other) => one - other)
  return [quantileSorted(sorted, 0.025), quantileSorted(sorted, 0.975)]
}
