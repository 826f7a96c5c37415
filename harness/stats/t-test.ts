/** Student's t, for the few runs that a baseline is made of: what runs differ by is noise too. */
import { mean, sumNthPowerDeviations } from 'simple-statistics'

/**
 * Two-sided p value of the pooled t test between two samples, one of which may be a single value: whether that one is of
 * the same kind as the others (a prediction interval in another form). Null for fewer than three values, and for one and two:
 * with a single degree of freedom nothing short of a miracle is significant.
 */
export function pooledT(first: readonly number[], second: readonly number[]): number | null {
  const freedom = first.length + second.length - 2
  if (freedom < 2 || first.length === 0 || second.length === 0) return null
  const squares = sumNthPowerDeviations([...first], 2) + sumNthPowerDeviations([...second], 2)
  const error = Math.sqrt((squares / freedom) * (1 / first.length + 1 / second.length))
  const difference = Math.abs(mean([...first]) - mean([...second]))
  if (error === 0) return difference === 0 ? 1 : 0
  return twoSided(difference / error, freedom)
}

/** P(|T| > t), exact for whole degrees of freedom: Abramowitz and Stegun, 26.7.3 and 26.7.4. */
function twoSided(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom))
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)]
  const isOdd = freedom % 2 === 1
  let term = isOdd ? cosine : 1
  let sum = freedom === 1 ? 0 : term
  for (let power = isOdd ? 3 : 2; power <= freedom - 2; power += 2) {
    term *= (cosine ** 2 * (power - 1)) / power
    sum += term
  }
  const within = isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum
  return Math.max(0, Math.min(1, 1 - within))
}
