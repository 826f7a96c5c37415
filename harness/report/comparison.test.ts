import test from 'ava'
import { compareSides, sideOf } from '../history/comparison.ts'
import { buildSummary } from '../journal/summary.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'
import { defaultThresholds } from '../stats/compare.ts'
import { seededRandom } from '../stats/random.ts'
import { comparisonJson, comparisonReport } from './comparison.ts'

/** What `compare` prints of two runs of the suite gap, whose purgatory and relocation take so long. */
function compared(from: [purgatoryMs: number, relocationMs: number], to: [number, number]) {
  const sides = [from, to].map(([purgatoryMs, relocationMs], index) => {
    const random = seededRandom(index)
    const vary = (ms: number) => ms * (1 + 0.02 * random())
    const journal = new JournalBuilder().start(['juno']).open('juno')
    journal.test('juno', 'gap', 'takes the gap apart', (about) => {
      for (let cycle = 0; cycle < 12; cycle++) {
        const gap = { purgatoryMs: vary(purgatoryMs), relocationMs: vary(relocationMs) }
        const gapMs = gap.purgatoryMs + gap.relocationMs + vary(100)
        journal.cycle(about, {
          phases: { loadMs: vary(800), gapMs },
          gap: { ...gap, earlyKernelMs: vary(100), method: 'breakpoints' } as never,
        })
      }
    })
    return { ...sideOf(buildSummary(journal.end())), name: index === 0 ? 'before' : 'after' }
  })
  const rows = compareSides(sides[0]!, sides[1]!, () => defaultThresholds)
  const thresholds = new Map([['juno', defaultThresholds]])
  return { from: sides[0]!, to: sides[1]!, rows: rows.map((row) => ({ ...row, since: null })), thresholds }
}

const text = (...sides: Parameters<typeof compared>) =>
  comparisonReport(compared(...sides), { colour: false })

test('parts of the gap have their rows below it, and the gap’s line names those that grew', (t) => {
  const report = text([300, 350], [10_000, 460])
  t.regex(report, /│ gap +│ 7\d\d ms[\s\S]*│ · relocation +│ 35\d ms[\s\S]*│ · purgatory +│ 30\d ms/)
  t.regex(
    report,
    /^slower gap on juno, gap, kexec_load: 10\.\d s instead of 7\d\d ms \(.*\), in it purgatory 10\.\d s instead of 30\d ms \(\+9\.\d+ s\), relocation 4\d\d ms instead of 35\d ms \(\+1\d\d ms\)$/m,
  )
  // Each once.
  t.notRegex(report, /^slower (purgatory|relocation)/m)
})

test('a part that changes inside of a gap that stays as long has a line of its own', (t) => {
  const report = text([300, 3500], [600, 3200])
  t.regex(report, /^slower purgatory on juno/m)
  t.regex(report, /^faster relocation on juno/m)
  t.notRegex(report, /^(slower|faster) gap/m)
})

test('a gap that got shorter says by which part', (t) => {
  t.regex(
    text([10_000, 350], [300, 350]),
    /^faster gap on juno.* in it purgatory 30\d ms instead of 10\.\d s/m,
  )
})

test('programs read each part', (t) => {
  const { rows } = JSON.parse(comparisonJson(compared([300, 350], [600, 350]))) as {
    rows: { phase: string; verdict: string }[]
  }
  t.deepEqual(
    rows.map(({ phase, verdict }) => [phase, verdict]),
    [
      ['loadMs', 'no change'],
      ['gapMs', 'slower'],
      ['relocationMs', 'no change'],
      ['purgatoryMs', 'slower'],
      ['earlyKernelMs', 'no change'],
    ],
  )
})
