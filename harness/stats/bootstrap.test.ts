import test from 'ava'
import { linearRegression } from 'simple-statistics'
import { bootstrapInterval, bootstrapMedian } from './bootstrap.ts'
import { seededRandom } from './random.ts'

test('the interval of Efron and Tibshirani’s treated mice is that of the exact bootstrap', (t) => {
  // Table 2.1. A resampled median of seven is at most the first value with probability 0.010 and at most the second with
  // 0.099 (binomial, four or more of seven, p = 1/7 and 2/7), so the interval's ends are the second and the sixth value.
  t.deepEqual(bootstrapMedian([94, 197, 16, 38, 99, 141, 23]), [23, 141])
})

test('the same values give the same interval, in any order of reports', (t) => {
  const values = [8333, 8217.2, 7820.9, 8499.1, 12829.1, 7838.5, 11607.5, 8542]
  t.deepEqual(bootstrapMedian(values), bootstrapMedian([...values]))
})

test('the interval covers the median about as often as it says, also of a skewed distribution', (t) => {
  const random = seededRandom(7)
  const trials = 200
  let covered = 0
  for (let trial = 0; trial < trials; trial++) {
    const [low, high] = bootstrapMedian(Array.from({ length: 21 }, () => -Math.log(1 - random())))!
    if (low <= Math.LN2 && Math.LN2 <= high) covered++
  }
  t.true(covered >= 0.9 * trials && covered < trials, `${covered} of ${trials}`)
})

test('one value, and far too many, have none', (t) => {
  t.is(bootstrapMedian([5]), null)
  t.is(bootstrapMedian([]), null)
  t.is(bootstrapMedian([Number.NaN, 5]), null)
  t.is(bootstrapMedian(Array.from({ length: 10_000 }, (_, index) => index)), null)
})

test('numbers from one seed are spread evenly and come again', (t) => {
  const random = seededRandom(1)
  const bins = Array.from({ length: 10 }, () => 0)
  for (let index = 0; index < 10_000; index++) bins[Math.floor(random() * 10)]!++
  // Chi-square with 9 degrees of freedom: 27.9 is its 99.9 % point.
  t.true(bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0) < 27.9, bins.join(' '))
  t.is(seededRandom(1)(), seededRandom(1)())
  t.not(seededRandom(1)(), seededRandom(2)())
})

test('the interval of a slope holds the true one, and gets narrower with more points', (t) => {
  const random = seededRandom(3)
  const noisy = (count: number) =>
    Array.from({ length: count }, (_, index) => [index % 5, 2 * (index % 5) + random() - 0.5])
  const slope = (points: readonly number[][]) => linearRegression([...points]).m
  const [low, high] = bootstrapInterval(noisy(20), slope)
  t.true(low < 2 && 2 < high, `${low} to ${high}`)
  const [low2, high2] = bootstrapInterval(noisy(200), slope)
  t.true(high2 - low2 < (high - low) / 2)
})
