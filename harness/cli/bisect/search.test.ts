import test from 'ava'
import { seededRandom } from '../../stats/random.ts'
import { type Known, nextStep, type Step } from './search.ts'

/** Searches a list with that first bad one; what `canTest` denies is skipped. */
function search(
  length: number,
  culprit: number,
  canTest: (index: number) => boolean,
): { end: Step; tests: number } {
  const known: Known[] = Array.from({ length }, () => undefined)
  known[0] = 'good'
  known[length - 1] = 'bad'
  for (let tests = 0; tests <= length; tests++) {
    const step = nextStep(known)
    if (step.type !== 'test') return { end: step, tests }
    if (known[step.index] !== undefined) throw new Error(`${step.index} is tested twice`)
    known[step.index] = canTest(step.index) ? (step.index < culprit ? 'good' : 'bad') : 'skipped'
  }
  throw new Error('the search does not end')
}

test('each culprit of each list is found, in as many steps as there are bits', (t) => {
  for (let length = 2; length <= 40; length++)
    for (let culprit = 1; culprit < length; culprit++) {
      const { end, tests } = search(length, culprit, () => true)
      t.deepEqual(end, { type: 'found', lastGood: culprit - 1, firstBad: culprit })
      t.true(tests <= Math.ceil(Math.log2(length)), `${tests} tests of ${length}`)
    }
})

test('where some can not be tested, the culprit is found or is among those that are named, and nobody else is', (t) => {
  const random = seededRandom(6)
  const below = (limit: number) => Math.floor(random() * limit)
  let narrowed = 0
  for (let round = 0; round < 2000; round++) {
    const length = 2 + below(60)
    const culprit = 1 + below(length - 1)
    const skipped = new Set(Array.from({ length: below(length) }, () => below(length)))
    const { end } = search(length, culprit, (index) => !skipped.has(index))
    if (end.type === 'test') return t.fail()
    // Everything between the two ends was tried and could not be tested.
    const testable = (index: number) => index === 0 || index === length - 1 || !skipped.has(index)
    const lastGood = Array.from({ length: culprit }, (_, index) => index).findLast(testable)!
    let firstBad = culprit
    while (!testable(firstBad)) firstBad++
    t.like(end, { lastGood, firstBad })
    if (end.type === 'narrowed') {
      narrowed++
      t.deepEqual(
        end.culprits,
        Array.from({ length: firstBad - lastGood }, (_, index) => lastGood + 1 + index),
      )
    } else t.is(firstBad - lastGood, 1)
  }
  t.true(narrowed > 100)
})

test('a block that can not be tested is left by far jumps, not walked through', (t) => {
  const { end, tests } = search(1000, 30, (index) => index < 350 || index > 650)
  t.deepEqual(end, { type: 'found', lastGood: 29, firstBad: 30 })
  t.true(tests < 15, `${tests} tests`)
})

test('a list without a good beginning or a bad end is refused', (t) => {
  t.throws(() => nextStep(['bad', undefined, 'good']), { instanceOf: RangeError })
  t.throws(() => nextStep([undefined, 'bad']), { instanceOf: RangeError })
  t.throws(() => nextStep(['good', undefined]), { instanceOf: RangeError })
})
