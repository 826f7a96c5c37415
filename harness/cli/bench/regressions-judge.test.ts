import test from 'ava'
import { seededRandom, shuffled } from '../../stats/random.ts'
import { cyclesOf, setup } from './regressions-fixture.ts'
import { alarmsOfSplits, compareCycles, type Expected, isAlarm, judge } from './regressions-judge.ts'

const relocation: Expected = { phase: 'relocationMs', also: ['gapMs', 'loadMs', 'startupMs'] }

function judged(expected: Expected, planted: Record<string, number>, checks = false) {
  const random = seededRandom(1)
  return judge(compareCycles(cyclesOf(8, random), cyclesOf(8, random, planted, checks), setup), expected)
}

test('a phase that grew is caught and named, with its growth', (t) => {
  const said = judged({ phase: 'shutdownMs', also: [] }, { shutdownMs: 300 })
  t.like(said, { caught: true, named: true, slower: ['shutdownMs'], strangers: [] })
  t.true(Math.abs(said.growthMs! - 300) < 5)
  // Five phases and three parts of the gap.
  t.is(said.compared, 8)
})

test('a part of the gap is named within the gap, and what grows with it is no stranger', (t) => {
  const said = judged(relocation, { relocationMs: 60, loadMs: 200 })
  t.like(said, { caught: true, named: true, strangers: [] })
  t.true(said.slower.includes('loadMs'))
})

test('sets that were loaded in two ways are compared all the same', (t) => {
  const said = judged({ phase: 'purgatoryMs', also: ['gapMs'] }, { purgatoryMs: 1000 }, true)
  t.like(said, { caught: true, named: true, strangers: [] })
})

test('another part that grew is no right name, another phase is a stranger, and nothing is missed', (t) => {
  t.like(judged(relocation, { decompressMs: 200 }), {
    caught: true,
    named: false,
    strangers: ['decompressMs'],
  })
  t.deepEqual(judged(relocation, { relocationMs: 60, shutdownMs: 100 }).strangers, ['shutdownMs'])
  t.like(judged(relocation, {}), { caught: false, named: false, slower: [], faster: [] })
})

test('random splits of the same cycles are quiet, sets that differ are not', (t) => {
  const random = seededRandom(2)
  const same = cyclesOf(40, random)
  const alarms = alarmsOfSplits(same, { size: 8, against: 21, count: 200, random }, setup)
  t.true(alarms <= 10, `${alarms}`)
  t.true(isAlarm(compareCycles(same, cyclesOf(8, random, { loadMs: 500 }), setup)))
})

test('a shuffle keeps each item once', (t) => {
  const items = Array.from({ length: 50 }, (_, index) => index)
  const mixed = shuffled(items, seededRandom(3))
  t.notDeepEqual(mixed, items)
  t.deepEqual(
    mixed.toSorted((left, right) => left - right),
    items,
  )
})
