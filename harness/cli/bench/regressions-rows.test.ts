import test from 'ava'
import { seededRandom } from '../../stats/random.ts'
import { cyclesOf, setup } from './regressions-fixture.ts'
import { compareCycles, judge } from './regressions-judge.ts'
import { larger, type Sets, usual, withoutPlant } from './regressions-plants.ts'
import { controlRow, plantRow } from './regressions-rows.ts'

const cycles = 8
const plants = [...usual.plants, ...larger.plants]
const [shutdown, checks, initramfs] = plants
const grown = new Map([
  [shutdown!, { shutdownMs: 301 }],
  [checks!, { purgatoryMs: 900, loadMs: 700 }],
  [initramfs!, { relocationMs: 45, loadMs: 90 }],
])

/** The sets of three trials; `missing` is a plant that changed nothing in them. */
function trialsOf(missing?: (typeof plants)[number]) {
  const random = seededRandom(4)
  const sets = Array.from(
    { length: 3 },
    (): Sets => ({
      normal: cyclesOf(cycles, random),
      planted: new Map(
        plants.map((plant) => {
          const more = plant === missing ? {} : grown.get(plant)!
          return [plant, cyclesOf(cycles, random, more, plant.method.checks)]
        }),
      ),
    }),
  )
  const trials = sets.flatMap((set) =>
    plants.map((plant) => ({
      plant,
      judged: judge(compareCycles(withoutPlant(sets), set.planted.get(plant)!, setup), plant),
    })),
  )
  return { sets, trials }
}

test('each plant is told with how often it was caught and named, and by how much its phase grew', (t) => {
  const { sets, trials } = trialsOf()
  const rows = plants.map((plant) => plantRow(plant, trials, sets, { cycles, setup }))
  for (const row of rows) t.like(row, { figure: '3 of 3 caught, 3 named', bound: '3 of 3', verdict: 'ok' })
  t.regex(
    rows[0]!.note!,
    /^shutdown grew by \+30\d ms in the median trial .*, planted \+300 ms; over all cycles \+30\d ms/,
  )
  t.regex(rows[1]!.note!, /^purgatory grew by \+900 ms/)
  t.regex(rows[2]!.note!, /^relocation grew by \+4\d ms/)
})

test('what was not caught is missed', (t) => {
  const { sets, trials } = trialsOf(initramfs)
  const row = plantRow(initramfs!, trials, sets, { cycles, setup })
  t.like(row, { figure: '0 of 3 caught, 0 named', verdict: 'missed' })
})

test('where nothing was planted, alarms are counted in random draws', (t) => {
  const row = controlRow(trialsOf().sets, { cycles, setup, random: seededRandom(5) })
  t.regex(row.figure, /^\d alarms in 200/)
  t.like(row, { verdict: 'ok', n: '8 cycles against 16' })
})
