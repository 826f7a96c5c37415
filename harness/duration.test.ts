import test from 'ava'
import { duration, durationMs } from './duration.ts'

const right: [string | number, number][] = [
  ['500ms', 500],
  ['5s', 5000],
  ['3m', 180_000],
  ['1h30m', 5_400_000],
  ['1m30s', 90_000],
  ['1.5s', 1500],
  ['2h', 7_200_000],
  [0.25, 250],
  [90, 90_000],
]
for (const [written, ms] of right) {
  test(`${written} is ${ms} ms`, (t) => {
    t.is(durationMs(written), ms)
    t.is(duration.parse(written), ms)
  })
}

const wrong: (string | number)[] = [
  '',
  '5',
  's',
  '5 s',
  '-5s',
  '30m1h',
  '1e3s',
  '0s',
  '200h',
  0,
  -1,
  Number.NaN,
  Number.POSITIVE_INFINITY,
]
for (const written of wrong) {
  test(`"${written}" is no duration`, (t) => {
    t.is(durationMs(written), undefined)
    t.false(duration.safeParse(written).success)
  })
}
