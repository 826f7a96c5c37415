/** A board's run against its baseline: what changed, and the test and the findings that it comes to. */
import { difference, duration, percent, probability } from '../quantities.ts'
import { type Change, compareAll, valuesNeeded } from '../stats/compare.ts'
import type { BaselineConsulted, Failure, Finding, JournalEvent } from './events.ts'
import {
  baselineFor,
  comparablePhases,
  conditionsKey,
  isGapPart,
  judgedAs,
  measuredGroups,
  partsBehindGap,
  phaseLabel,
  phaseValues,
  wayOf,
} from './measured.ts'
import type { BoardRecord } from './summary-collect.ts'
import type { BaselineComparison, CycleSummary } from './summary-schema.ts'

/** The test that stands for the comparison in every report; the name stays from night to night. */
const title = 'is no slower than its baseline'

export type BaselineResult = {
  suite: string
  test: string
  verdict: 'passed' | 'failed' | 'skipped'
  reason: string | null
  failure: Failure | null
}

type Started = Extract<JournalEvent, { type: 'run-started' }> | null
type Judged = { comparisons: BaselineComparison[]; findings: Finding[]; results: BaselineResult[] }

/** Compares what the journal says the board was compared with; nothing where it says nothing. */
export function againstBaseline(
  board: BoardRecord,
  cycles: readonly CycleSummary[],
  started: Started,
): Judged {
  const comparisons = compare(board, cycles, started)
  const generation = Math.max(0, ...cycles.map((cycle) => cycle.generation ?? 0))
  const bySuite = Map.groupBy(comparisons, ({ conditions }) => conditions.suite)
  const allowed = new Map(board.baseline?.allowed.map((one) => [one.signature, one]))
  return {
    comparisons,
    findings: regressions(comparisons).map((one) =>
      toFinding({ board: board.name, generation }, one, allowed.get(findingId(one))),
    ),
    results: [...bySuite].map(([suite, group]) => resultOf(suite, group, comparisons.length, allowed)),
  }
}

function compare(
  { name, accelerator, append, baseline }: BoardRecord,
  cycles: readonly CycleSummary[],
  started: Started,
): BaselineComparison[] {
  if (!baseline) return []
  const measured = measuredGroups({ name, accelerator, append, cycles })
  const rows = measured.flatMap((group) => {
    const before = baselineFor(group, measured, baseline.groups)
    const runs = before?.runs ?? []
    const was =
      before && before.conditions.checks !== group.conditions.checks ? before.conditions.checks : null
    const to = phaseValues(group)
    const phases = comparablePhases(Object.assign({}, ...runs.map(({ values }) => values)), to)
    return phases.map((phase) => {
      const having = runs.filter(({ values }) => values[phase]?.length)
      const from = having.map(({ values }) => values[phase]!)
      const pair = {
        ...{ from, to: [to[phase]!] },
        ...judgedAs(name, group.conditions, phase, to, baseline.thresholds),
      }
      const about = { conditions: group.conditions, checksWere: was, phase }
      return { ...about, baseline: having.map(({ run }) => run), pair }
    })
  })
  const changes = compareAll(rows.map(({ pair }) => pair))
  const now = { run: started?.run ?? 'unknown', startedAt: started?.startedAt ?? null }
  return rows.map(({ pair: _pair, ...row }, index) => {
    const change = changes[index]!
    const earlier = baseline.slowSince.find(
      (one) => one.phase === row.phase && conditionsKey(one.conditions) === conditionsKey(row.conditions),
    )
    const first = earlier ? { run: earlier.run, startedAt: earlier.startedAt } : now
    return { ...row, ...change, since: change.verdict === 'slower' ? first : null }
  })
}

type Regression = { row: BaselineComparison; parts: BaselineComparison[] }

/** What grew, each once: a part of the gap is told with the gap, or alone where the gap itself hides it in its noise. */
function regressions(comparisons: readonly BaselineComparison[]): Regression[] {
  const groups = Map.groupBy(comparisons, ({ conditions }) => conditionsKey(conditions))
  return [...groups.values()].flatMap((all) => {
    const rows = all.filter(({ verdict }) => verdict === 'slower')
    const told = rows.some(({ phase }) => phase === 'gapMs')
      ? rows.filter(({ phase }) => !isGapPart(phase))
      : rows
    return told.map((row) => ({ row, parts: row.phase === 'gapMs' ? partsBehindGap(all) : [] }))
  })
}

function resultOf(
  suite: string,
  rows: readonly BaselineComparison[],
  compared: number,
  allowed: ReadonlyMap<string, Allowed>,
): BaselineResult {
  const result = { suite, test: title, reason: null, failure: null }
  const found = regressions(rows)
    .filter((one) => !allowed.has(findingId(one)))
    .sort((left, right) => right.row.shift - left.row.shift)
  if (found.length > 0) {
    const runs = [...new Set(rows.flatMap(({ baseline }) => baseline))].join(', ')
    const message = [...found.map(regressionText), `baseline: ${runs}`].join('; ')
    const hint = `\`npm run compare -- baseline RUN\` shows every phase; \`npm run baseline -- accept RUN\` takes RUN as the new normal.`
    return { ...result, verdict: 'failed', failure: { kind: 'kexec', message, hint } }
  }
  if (rows.some(({ verdict }) => verdict !== 'too few cycles')) return { ...result, verdict: 'passed' }
  return { ...result, verdict: 'skipped', reason: tooFewText(rows[0]!, compared) }
}

/** `shutdown takes 360 ms instead of 60 ms (+300 ms, +500 %; …)`, for a regression and the parts that made it. */
function regressionText({ row, parts }: Regression): string {
  const inside = parts.map(
    ({ phase, from, to }) =>
      `${phaseLabel(phase)} ${duration(to.median)} instead of ${duration(from.median)}`,
  )
  const where = inside.length === 0 ? '' : `, in it ${inside.join(', ')}`
  const since = row.since ? `, since ${row.since.run}` : ''
  const { from, to } = row
  return `${phaseLabel(row.phase)} takes ${duration(to.median)} instead of ${duration(from.median)} (${changeText(row)})${where}, with ${wayOf(row.conditions)}${switchedText(row)}${since}`
}

function switchedText({ checksWere }: BaselineComparison): string {
  if (checksWere === null) return ''
  return checksWere ? ', which was loaded with checks before' : ', which was loaded without checks before'
}

/** A change in words: `+300 ms, +500 %; 95 %: +290 ms to +310 ms; p 0.0003; 10 cycles against 20`. */
export function changeText({ shift, share, ci95, corrected, from, to }: Change): string {
  const sign = share < 0 ? '' : '+'
  return [
    `${difference(shift)}, ${sign}${percent(share)}`,
    ...(ci95 ? [`95 %: ${difference(ci95[0])} to ${difference(ci95[1])}`] : []),
    `p ${probability(corrected)}`,
    `${to.n} cycles against ${from.n}`,
  ].join('; ')
}

/** Why nothing can be told, and how many cycles would do. */
export function tooFewText({ from, to }: Pick<Change, 'from' | 'to'>, compared: number): string {
  const needed = valuesNeeded(from.n, compared)
  const enough =
    needed === null ? 'the baseline has too few for any number' : `it takes ${needed}: --iterations ${needed}`
  return `too few cycles to tell a change from chance, ${to.n} against ${from.n} of the baseline: ${enough}`
}

const findingPhases = {
  loadMs: 'load',
  shutdownMs: 'shutdown',
  gapMs: 'handover',
  startupMs: 'early',
  userspaceMs: 'userspace',
} as const

type Allowed = BaselineConsulted['allowed'][number]

function findingId({ row: { phase } }: Regression): string {
  return isGapPart(phase) || phase === 'gapMs' ? 'gap-regression' : `${phaseLabel(phase)}-regression`
}

function toFinding(
  about: Pick<Finding, 'board' | 'generation'>,
  regression: Regression,
  allowed: Allowed | undefined,
): Finding {
  const { row, parts } = regression
  const { phase, since, baseline, conditions } = row
  return {
    id: findingId(regression),
    severity: allowed ? 'info' : 'error',
    phase: findingPhases[phase as keyof typeof findingPhases] ?? 'handover',
    ...about,
    ...{ device: null, driver: null, cpu: null, confidence: 'seen' },
    suite: conditions.suite,
    test: title,
    evidence: [
      regressionText(regression),
      ...parts.map((part) => `${phaseLabel(part.phase)}: ${changeText(part)}`),
      `baseline: ${baseline.join(', ')}`,
      ...(since ? [`slower since ${since.run}`] : []),
      ...(allowed ? [`allowed until ${allowed.until} by ${allowed.owner}: ${allowed.why}`] : []),
    ],
    advice: `What changed between ${baseline.at(-1) ?? 'the baseline'} and ${since?.run ?? 'this run'} made ${[phase, ...parts.map((part) => part.phase)].map(phaseLabel).join(', ')} slower.`,
  }
}
