import test from 'ava'
import { mannWhitney, shiftBetween, smallestP } from './rank-test.ts'

const round = (value: number, digits = 4) => Number(value.toFixed(digits))
const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)

// Hollander and Wolfe 1973, page 69: permeability of the human chorioamnion at term and before. The example of R's wilcox.test.
const term = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
const early = [1.15, 0.88, 0.9, 0.74, 1.21]

test('the textbook’s example: U is 35, p 0.2544, the shift 0.305 from -0.15 to 0.76', (t) => {
  const { u, p, method, delta } = mannWhitney(early, term)
  t.deepEqual([u, round(p), method, round(delta)], [35, 0.2544, 'exact', 0.4])
  const { shift, ci95 } = shiftBetween(early, term)
  t.deepEqual(
    [shift, ...ci95!].map((value) => round(value)),
    [0.305, -0.15, 0.76],
  )
})

test('the two samples mirror each other', (t) => {
  const back = mannWhitney(term, early)
  t.deepEqual([back.u, round(back.p), round(back.delta)], [15, 0.2544, -0.4])
  t.is(round(shiftBetween(term, early).shift), -0.305)
})

test('SciPy’s example without ties is exact', (t) => {
  const { u, p } = mannWhitney([20, 11, 17, 12], [19, 22, 16, 29, 24])
  t.deepEqual([u, round(p, 6)], [17, 0.111111])
})

test('ties are corrected for, as SciPy’s asymptotic method does', (t) => {
  const { u, p, method } = mannWhitney([1, 2, 2, 3, 5, 8, 8, 9], [2, 4, 6, 8, 8, 10, 11, 12, 13])
  t.deepEqual([u, round(p, 6), method], [55, 0.072553, 'normal'])
})

test('many values take the normal approximation, as SciPy’s asymptotic method does', (t) => {
  const later = upTo(40).map((value) => value + 10.5)
  const { p, method } = mannWhitney(upTo(40), later)
  t.deepEqual([round(p, 8), method], [0.0004525, 'normal'])
})

/** Two samples of which the second has this U: each of its values stands above so many of the first. */
function samplesWith(u: number, n: number, m: number): [number[], number[]] {
  const second = Array.from({ length: m }, (_, index) => {
    const above = Math.min(n, Math.max(0, u - index * n))
    return above + 0.5 + index / 100
  })
  return [upTo(n), second]
}

// Critical values of U at the two-sided 5 % level, as printed in tables (Siegel and Castellan, table K; Milton 1964).
const critical: [n: number, m: number, u: number][] = [
  [4, 4, 0],
  [5, 5, 2],
  [6, 8, 8],
  [8, 10, 17],
  [10, 10, 23],
  [12, 15, 49],
  [20, 20, 127],
]
for (const [n, m, u] of critical)
  test(`with ${n} and ${m} values, U of ${u} is significant at 5 % and ${u + 1} is not`, (t) => {
    const at = mannWhitney(...samplesWith(u, n, m))
    const above = mannWhitney(...samplesWith(u + 1, n, m))
    t.is(at.u, u)
    t.true(at.p <= 0.05, String(at.p))
    t.true(above.p > 0.05, String(above.p))
  })

test('the exact test and the normal one agree where one gives way to the other', (t) => {
  const second = upTo(25).map((value) => value + 6.5)
  const exact = mannWhitney(upTo(25), second)
  const normal = mannWhitney(upTo(26), second)
  t.deepEqual([exact.method, normal.method], ['exact', 'normal'])
  t.true(Math.abs(exact.p - normal.p) < 0.01)
})

test('samples that do not overlap have the smallest p there is', (t) => {
  for (const [n, m] of [
    [3, 4],
    [5, 5],
    [25, 25],
    [60, 5],
  ] as const) {
    const { p, delta } = mannWhitney(
      upTo(n),
      upTo(m).map((value) => value + 1000),
    )
    t.is(delta, 1)
    t.is(p, smallestP(n, m))
  }
  t.is(round(smallestP(5, 5), 6), 0.007937)
  t.is(smallestP(1, 1), 1)
})

test('equal samples differ in nothing', (t) => {
  t.like(mannWhitney([5, 5, 5], [5, 5, 5, 5]), { p: 1, delta: 0 })
  t.deepEqual(shiftBetween([5, 5, 5, 5, 5, 5], [5, 5, 5, 5, 5, 5]), { shift: 0, ci95: [0, 0] })
})

test('a shift is found exactly, and one wild value does not move it', (t) => {
  const { shift } = shiftBetween(upTo(20), [...upTo(19).map((value) => value + 300), 1e9])
  t.true(Math.abs(shift - 300) <= 1)
})

test('too few values have a shift but no interval', (t) =>
  t.deepEqual(shiftBetween([1, 2], [11, 12]), { shift: 10, ci95: null }))

test('thousands of values are thinned out and keep their shift', (t) => {
  const { shift, ci95 } = shiftBetween(
    upTo(10_000),
    upTo(10_000).map((value) => value + 500),
  )
  t.true(Math.abs(shift - 500) < 20)
  t.true(ci95![0] < 500 && ci95![1] > 500)
})

test('an empty sample is refused', (t) => {
  t.throws(() => mannWhitney([], [1]), { instanceOf: RangeError })
  t.throws(() => shiftBetween([1], []), { instanceOf: RangeError })
})
