import test from 'ava'
import { pooledT } from './t-test.ts'

const round = (value: number | null) => Number(value?.toFixed(6))

test('Student’s sleep data give the textbook’s p value', (t) => {
  // Student 1908; R: t.test(extra ~ group, sleep, var.equal = TRUE) says t = -1.8608, df = 18, p = 0.07919.
  const first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0, 2]
  const second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
  t.is(round(pooledT(first, second)), 0.079187)
})

// Worked out with scipy.stats.ttest_ind.
const known: [number[], number[], number][] = [
  [[60, 61, 63], [66], 0.118083],
  [[60, 61, 63, 64], [70], 0.029541],
  [[60, 61, 63, 64, 62], [66, 67], 0.013833],
]
for (const [first, second, p] of known)
  test(`${second.join(' and ')} beside ${first.join(', ')} has a p of ${p}`, (t) => {
    t.is(round(pooledT(first, second)), p)
  })

test('two runs and one, or one and one, tell nothing', (t) => {
  t.is(pooledT([1, 2], [3]), null)
  t.is(pooledT([1], [2]), null)
  t.is(pooledT([], [1, 2, 3, 4]), null)
})

test('runs without any noise differ or do not', (t) => {
  t.is(pooledT([5, 5, 5], [5]), 1)
  t.is(pooledT([5, 5, 5], [6]), 0)
})
