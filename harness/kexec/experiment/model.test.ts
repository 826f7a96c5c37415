import test from 'ava'
import { estimateGap } from './model.ts'
import type { Estimate, EstimateName } from './result.ts'
import { type Noise, synthetic, truth } from './synthetic-fixture.ts'

const expected: Partial<Record<EstimateName, number>> = {
  purgatory: truth.movedMiB * truth.digestPerMiB,
  relocation: truth.movedMiB * truth.relocationPerMiB,
  consoleWait: truth.consoleWaitMs,
  rest: truth.restMs,
  syscall: truth.fileLoadMs,
  crashKernel: -truth.movedMiB * truth.relocationPerMiB - truth.shutdownTailMs,
  secondaryCpus: truth.secondaryCpusMs,
  consoleText: truth.consoleTextMs,
}

function estimates(noise: Noise): Map<EstimateName, Estimate> {
  return new Map(estimateGap(synthetic(noise))!.estimates.map((one) => [one.name, one]))
}

function holds({ ci95 }: Pick<Estimate, 'ci95'>, value: number): boolean {
  const [low, high] = ci95!
  return low <= value && value <= high
}

test('without noise each part is what it is', (t) => {
  const found = estimates({ share: 0 })
  for (const [name, ms] of Object.entries(expected))
    t.true(Math.abs(found.get(name as EstimateName)!.ms - ms) < 1e-6, name)
  t.true(Math.abs(found.get('purgatory')!.perMiB!.ms - truth.digestPerMiB) < 1e-9)
  t.true(Math.abs(found.get('relocation')!.perMiB!.ms - truth.relocationPerMiB) < 1e-9)
})

test('95 % intervals hold the truth in nine of ten experiments or more, also with three blocks', (t) => {
  const hits = new Map<string, number>()
  const rounds = 40
  for (let seed = 1; seed <= rounds; seed++)
    for (const [name, one] of estimates({ seed: seed * 7 })) {
      hits.set(name, (hits.get(name) ?? 0) + Number(holds(one, expected[name]!)))
      const perMiB = { purgatory: truth.digestPerMiB, relocation: truth.relocationPerMiB, other: 0 }
      if (name === 'purgatory' || name === 'relocation')
        hits.set(`${name} a MiB`, (hits.get(`${name} a MiB`) ?? 0) + Number(holds(one.perMiB!, perMiB[name])))
    }
  t.is(hits.size, 10)
  // Of 40 at 95 %, fewer than 33 are one chance in a thousand.
  for (const [name, count] of hits) t.true(count >= 33, `${name}: ${count} of ${rounds}`)
})

test('a board that gets slower from cycle to cycle looks the same: what drifts hits all conditions alike', (t) => {
  // By 11 % from the first cycle to the last.
  const found = estimates({ share: 0.002, drift: 0.003 })
  for (const name of ['purgatory', 'consoleWait', 'syscall', 'rest'] as const) {
    const inTheMiddle = expected[name]! * (1 + 0.003 * 18.5)
    const off = Math.abs(found.get(name)!.ms / inTheMiddle - 1)
    t.true(off < 0.15, `${name} is ${off} off`)
  }
})

test('a host that is twice as busy in one block of three moves no estimate by much', (t) => {
  const experiment = synthetic({ share: 0.002 })
  for (const one of experiment.conditions)
    for (const cycle of one.observations)
      if (cycle.block === 2)
        for (const phase of ['gapMs', 'startupMs', 'totalMs'] as const) cycle[phase] = cycle[phase]! * 2
  for (const { name, ms } of estimateGap(experiment)!.estimates)
    t.true(Math.abs(ms / expected[name]! - 1) < 0.2, name)
})

test('one cycle that something disturbed moves no estimate by much', (t) => {
  const plain = estimates({ share: 0.005 })
  const disturbed = estimates({ share: 0.005, outlierMs: 20_000 })
  const moved = Math.abs(disturbed.get('purgatory')!.ms - plain.get('purgatory')!.ms)
  t.true(moved < 200, `${moved} ms of 20,000`)
  t.true(holds(disturbed.get('purgatory')!, expected.purgatory!))
})

test('what makes no difference can not be told from nothing, but for one time in twenty', (t) => {
  const told = Array.from({ length: 40 }, (_, index) => {
    const experiment = synthetic({ seed: index + 1 }, (conditions) =>
      conditions.map((one) => (one.append === 'maxcpus=1' ? { ...one, append: '' } : one)),
    )
    const found = estimateGap(experiment)!.estimates
    t.true(found.find(({ name }) => name === 'purgatory')!.told)
    return found.find(({ name }) => name === 'secondaryCpus')!.told
  })
  // Of 40 at 5 %, more than 7 are one chance in a thousand.
  const alarms = told.filter(Boolean).length
  t.true(alarms <= 7, `${alarms} of ${told.length}`)
})

test('what a board can not do is no estimate, and the others are there', (t) => {
  const experiment = synthetic({ share: 0.002 }, (conditions) => conditions.filter(({ checks }) => checks))
  const result = estimateGap(experiment)!
  t.true(result.withDigest)
  const relocation = result.estimates.find(({ name }) => name === 'relocation')!
  t.true(Math.abs(relocation.perMiB!.ms / (truth.relocationPerMiB + truth.digestPerMiB) - 1) < 0.05)
  t.false(result.estimates.some(({ name }) => name === 'purgatory'))
})

test('an experiment that was broken off in its first cycles comes to nothing, and later to what it has', (t) => {
  const experiment = synthetic({})
  const cut = (cycles: number) => ({
    ...experiment,
    conditions: experiment.conditions.map((one) => ({
      ...one,
      observations: one.observations.filter(({ cycle }) => cycle <= cycles),
    })),
  })
  t.is(estimateGap(cut(0)), undefined)
  const half = estimateGap(cut(18))!
  t.is(half.cycles, 18)
  t.true(half.estimates.some(({ name }) => name === 'purgatory'))
})

test('one cycle of each condition has no interval', (t) => {
  for (const one of estimates({ blocks: 1 }).values()) t.is(one.ci95, null)
})

test('where the borders were seen, the estimates are held against them', (t) => {
  const experiment = synthetic({ share: 0.001 })
  for (const { checks, padMiB, earlyConsole, observations } of experiment.conditions)
    for (const one of observations)
      one.parts = {
        shutdownTailMs: 100,
        relocationMs: (truth.movedMiB + padMiB) * truth.relocationPerMiB,
        purgatoryMs: checks ? (truth.movedMiB + padMiB) * truth.digestPerMiB : 0,
        decompressMs: null,
        earlyKernelMs: truth.restMs - 100,
        consoleWaitMs: earlyConsole ? 0 : truth.consoleWaitMs,
      }
  const result = estimateGap(experiment)!
  for (const { name, direct } of result.estimates) {
    const seen = name === 'purgatory' || name === 'relocation' || name === 'consoleWait' || name === 'rest'
    t.is(direct !== null, seen, name)
    if (!direct) continue
    t.true(Math.abs(direct.ms - expected[name]!) < 1e-6, name)
    t.true(direct.offOfGap < 0.01, name)
  }
  // Those with and without a digest relocate alike.
  const { relocations } = result
  t.deepEqual(new Set(relocations.map(({ way }) => way)).size, 2)
  for (const { padMiB, relocationMs } of relocations)
    t.is(relocationMs, (truth.movedMiB + padMiB) * truth.relocationPerMiB)
})
