import test from 'ava'
import { drift, proportion, summarize } from './summary.ts'

const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)
const round = (value: number | undefined, digits = 4) => Number(value?.toFixed(digits))

test('a sample has its median, p95, range and median absolute deviation', (t) => {
  // The sample of the Wikipedia article "Median absolute deviation": median 2, MAD 1.
  const summary = summarize([9, 1, 1, 4, 2, 6, 2])
  t.deepEqual(
    { ...summary, p95: round(summary.p95) },
    {
      n: 7,
      median: 2,
      p95: 8.1,
      min: 1,
      max: 9,
      mad: 1,
      ci95: [1, 9],
    },
  )
  t.is(summarize([1, 2, 3, 4]).median, 2.5)
  t.is(round(summarize(upTo(100)).p95), 95.05)
})

// Ranks as printed in tables of distribution-free intervals of the median at 95 %, such as Hahn and Meeker, table A.15.
const medianRanks: [n: number, low: number, high: number][] = [
  [6, 1, 6],
  [10, 2, 9],
  [15, 4, 12],
  [20, 6, 15],
  [25, 8, 18],
  [50, 18, 33],
  [100, 40, 61],
]
for (const [n, low, high] of medianRanks) {
  test(`the median of ${n} values lies between the values of rank ${low} and ${high}`, (t) => {
    t.deepEqual(summarize(upTo(n).reverse()).ci95, [low, high])
  })
}

test('an interval of thousands of values agrees with its normal approximation', (t) => {
  const n = 10_000
  const [low = 0, high = 0] = summarize(upTo(n)).ci95 ?? []
  t.true(Math.abs(low - (n / 2 - 0.98 * Math.sqrt(n))) <= 1)
  t.is(low + high, n + 1)
})

test('five values are too few for an interval', (t) => t.is(summarize(upTo(5)).ci95, null))

test('one value is its own summary', (t) => {
  t.deepEqual(summarize([7]), { n: 1, median: 7, p95: 7, min: 7, max: 7, mad: 0, ci95: null })
})

test('what is no number is left out, and nothing is no sample', (t) => {
  t.is(summarize([Number.NaN, 3, Number.POSITIVE_INFINITY]).n, 1)
  t.throws(() => summarize([]), { instanceOf: RangeError, message: /no finite value/ })
  t.throws(() => summarize([Number.NaN]), { instanceOf: RangeError })
})

test('the values given stay in their order', (t) => {
  const values = [3, 1, 2]
  summarize(values)
  t.deepEqual(values, [3, 1, 2])
})

// Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
const wilson: [failures: number, n: number, low: number, high: number][] = [
  [81, 263, 0.2553, 0.3662],
  [15, 148, 0.0624, 0.1605],
  [0, 20, 0, 0.1611],
  [1, 29, 0.0061, 0.1718],
]
for (const [failures, n, low, high] of wilson) {
  test(`${failures} of ${n} lies between ${low} and ${high}`, (t) => {
    const { rate, ci95 } = proportion(failures, n)
    t.is(rate, failures / n)
    t.deepEqual(
      ci95.map((end) => round(end)),
      [low, high],
    )
  })
}

test('all of n and none of n mirror each other', (t) => {
  t.deepEqual(
    proportion(20, 20).ci95.map((end) => round(end)),
    [0.8389, 1],
  )
  t.deepEqual(proportion(0, 0), { rate: 0, ci95: [0, 1] })
})

test('what is no proportion is refused', (t) => {
  for (const [failures, n] of [
    [2, 1],
    [-1, 3],
    [0.5, 3],
    [Number.NaN, 3],
    [0, Number.NaN],
  ] as const) {
    t.throws(() => proportion(failures, n), { instanceOf: RangeError })
  }
})

test('slope and p value of a short series are those worked out by hand', (t) => {
  // SciPy's theilslopes gives the same slope. Score -6; z = (6 - 1) / sqrt(5 * 4 * 15 / 18) = 1.2247.
  const found = drift([1.26, 1.27, 1.12, 1.16, 1.03])
  t.is(round(found?.slopePerStep, 5), -0.05625)
  t.is(round(found?.p), 0.2207)
  t.false(found?.significant)
})

test('ties lower the variance of the score', (t) => {
  // Score 8, variance (5 * 4 * 15 - 2 * (2 * 1 * 9)) / 18 = 14.667, z = 7 / 3.8297 = 1.8278
  const found = drift([1, 1, 2, 2, 3])
  t.is(round(found?.p, 3), 0.068)
  t.is(found?.slopePerStep, 0.5)
})

test('a steady rise is significant, and its slope is exact', (t) => {
  const found = drift(upTo(20).map((step) => 100 + 3 * step))
  t.like(found, { n: 20, slopePerStep: 3, ci95: [3, 3], significant: true })
  t.true(found !== null && found.p < 1e-6)
})

test('values that never change do not drift', (t) => {
  t.deepEqual(drift([5, 5, 5, 5, 5]), { n: 5, slopePerStep: 0, ci95: [0, 0], p: 1, significant: false })
})

test('a wild value does not make a drift', (t) => {
  const found = drift([10, 11, 10, 9, 10, 11, 9, 10, 1000, 10])
  t.is(found?.slopePerStep, 0)
  t.false(found?.significant)
})

test('missing values leave their step empty', (t) => {
  t.like(drift([0, 2, Number.NaN, 6, Number.POSITIVE_INFINITY, 10]), { n: 4, slopePerStep: 2 })
})

test('too few values tell no drift', (t) => {
  t.is(drift([]), null)
  t.is(drift([1, 2, 3]), null)
  t.is(drift([1, Number.NaN, 2, 3]), null)
})

test('a very long series is thinned out, its slope stays per step', (t) => {
  t.like(drift(upTo(50_000)), { n: 2000, slopePerStep: 1, significant: true })
})

test("the interval of a slope is Sen's, its ranks rounded outwards", (t) => {
  // 66 slopes, score 38, sigma = sqrt(12 * 11 * 29 / 18) = 14.583: ranks 18.7 and 48.3, so the 18th and the 49th.
  // Slopes and p value worked out with NumPy and SciPy.
  const found = drift([12.1, 11.8, 12.9, 12.3, 13.4, 12.2, 13.9, 13.1, 14.2, 13.0, 14.8, 13.7])
  t.is(round(found?.slopePerStep), 0.2083)
  t.deepEqual(
    found?.ci95.map((end) => round(end)),
    [0.0429, 0.3333],
  )
  t.is(round(found?.p), 0.0112)
  t.true(found?.significant)
})
