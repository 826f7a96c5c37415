import test from 'ava'
import { outlierIndices } from './outliers.ts'
import { precisionOf } from './precision.ts'

test('the textbook’s outliers are found, and nothing else', (t) => {
  // Seo 2006, after Iglewicz and Hoaglin: median 4, MAD 0.3; the modified z scores of 14 and 15 are 22.5 and 24.7.
  const values = [3.2, 3.4, 3.7, 3.7, 3.8, 3.9, 4, 4, 4.1, 4.2, 4.7, 4.8, 14, 15]
  t.deepEqual(outlierIndices(values), [12, 13])
})

test('a real gap that the host held up is marked', (t) => {
  const gapsMs = [8333, 8217, 7821, 8499, 12829, 7838, 8104, 8542, 7852, 11607]
  t.deepEqual(outlierIndices(gapsMs), [4, 9])
})

test('where most values are equal, one that is not is marked', (t) => {
  t.deepEqual(outlierIndices([5, 5, 5, 5, 5, 5, 5, 900]), [7])
  t.deepEqual(outlierIndices([5, 5, 5, 5, 5]), [])
})

test('four values are too few to call one odd, and what is no number is none', (t) => {
  t.deepEqual(outlierIndices([1, 1, 1, 1000]), [])
  t.deepEqual(outlierIndices([1, 2, Number.NaN, 1, 2, 1, 1000]), [6])
})

test('precision is half the exact interval’s width over the median', (t) => {
  // The interval of ten values goes from the second to the ninth.
  t.is(precisionOf([91, 92, 94, 96, 98, 102, 104, 106, 108, 109]), (108 - 92) / 2 / 100)
  t.is(precisionOf([1, 2, 3, 4, 5]), null)
  t.is(precisionOf([0, 0, 0, 0, 0, 0]), null)
  t.is(precisionOf([Number.NaN]), null)
})
