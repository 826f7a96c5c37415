/** What a run is compared with: looked up once, when its boards are done, and written into its journal. */
import type { Descriptor } from '../board/descriptor.ts'
import { checkedMs } from '../duration.ts'
import { type Baseline, readBaseline } from '../history/baselines.ts'
import { takeInRuns, withHistory } from '../history/store.ts'
import type { BaselineConsulted, JournalEvent, NewEvent, Plan } from '../journal/events.ts'
import { baselineFor, measuredGroups, wayOf } from '../journal/measured.ts'
import { buildSummary } from '../journal/summary.ts'
import type { BoardSummary, RunSummary } from '../journal/summary-schema.ts'
import { percent } from '../quantities.ts'
import { defaultThresholds, type Thresholds } from '../stats/compare.ts'
import { tellNote } from './history.ts'

/** With fewer cycles of one way of loading, nobody is told that there is no baseline. */
const worthABaseline = 5

/**
 * The events that say what each board of a run is compared with; a note where it has no baseline yet. Throws nothing: what
 * can't be read is told in a note, and the run is judged without it.
 */
export async function baselineEvents(events: readonly JournalEvent[], results: string): Promise<NewEvent[]> {
  const started = events.find((event) => event.type === 'run-started')
  if (!started) return []
  let summary: RunSummary | undefined
  const found: NewEvent[] = []
  for (const plan of started.plan.boards) {
    if (!events.some((event) => event.type === 'cycle-ended' && event.board === plan.name)) continue
    try {
      summary ??= buildSummary(events)
      const board = summary.boards.find(({ name }) => name === plan.name)!
      found.push(...(await eventsOf(board, plan, { events, results, run: summary })))
    } catch (error) {
      found.push(note(plan.name, `not compared with a baseline: ${(error as Error).message}`))
    }
  }
  return found
}

type Context = { events: readonly JournalEvent[]; results: string; run: RunSummary }

async function eventsOf(
  board: BoardSummary,
  plan: Plan['boards'][number],
  context: Context,
): Promise<NewEvent[]> {
  const baseline = await readBaseline(context.results, board.name)
  const groups = measuredGroups(board)
  const most = Math.max(0, ...groups.map(({ cycles }) => cycles.filter(({ warmup }) => !warmup).length))
  if (!baseline) {
    const how = `npm run baseline -- accept ${context.run.run}`
    return most < worthABaseline
      ? []
      : [note(board.name, `${board.name} has no baseline to compare with; to take this run as one: ${how}`)]
  }
  const same = new Set(groups.flatMap((group) => baselineFor(group, groups, baseline.groups) ?? []))
  if (same.size === 0)
    return most < worthABaseline ? [] : [note(board.name, otherConditions(board.name, groups, baseline))]
  const consulted: Extract<NewEvent, { type: 'baseline-consulted' }> = {
    type: 'baseline-consulted',
    board: board.name,
    thresholds: thresholdsOf(plan.descriptor as Partial<Descriptor>),
    groups: [...same].map(({ conditions, runs }) => ({ conditions, runs })),
    allowed: allowedOf(plan.descriptor as Partial<Descriptor>, context.run.startedAt),
    slowSince: [],
  }
  const { comparisons } = compared(consulted, context)
  const common = comparisons.find(({ commonShare }) => commonShare !== 0)?.commonShare ?? 0
  const moved = commonText(board.name, common, consulted.thresholds)
  return [
    { ...consulted, slowSince: await slowSince(consulted, comparisons, context) },
    ...(moved === undefined ? [] : [note(board.name, moved)]),
  ]
}

/** What the summary will make of what the board is compared with. */
function compared(consulted: Omit<BaselineConsulted, 't'>, { events }: Context): BoardSummary {
  const trial = { ...consulted, t: events.at(-1)!.t } as JournalEvent
  return buildSummary([...events, trial]).boards.find(({ name }) => name === consulted.board)!
}

/** What a person has to know where everything moved at once, so that less than that counted for nothing. */
export function commonText(board: string, share: number, thresholds: Thresholds): string | undefined {
  if (Math.abs(share) <= thresholds.share) return undefined
  const how = share > 0 ? 'longer' : 'less'
  return `${board}: everything took about ${percent(Number(Math.abs(share).toFixed(2)))} ${how} than before, as where the host was ${share > 0 ? 'busier' : 'less busy'} meanwhile: only what stands out from that counts as a change; a baseline of three runs or more can tell`
}

function note(board: string, text: string): NewEvent {
  return { type: 'note', board, text }
}

function otherConditions(
  name: string,
  groups: ReturnType<typeof measuredGroups>,
  { groups: accepted }: Baseline,
): string {
  const words = ({ kernel, suite, append, ...way }: Baseline['groups'][number]['conditions']) =>
    `${suite} of ${kernel ?? 'an unknown kernel'} with ${wayOf(way)}${append && ` and ${JSON.stringify(append)}`}`
  const list = (all: readonly Pick<Baseline['groups'][number], 'conditions'>[]) =>
    [...new Set(all.map(({ conditions }) => words(conditions)))].join(', ')
  return `the baseline of ${name} was made under other conditions: ${list(accepted)}; this run is ${list(groups)}`
}

/** What a change has to exceed on a board, as its descriptor says. */
export function thresholdsOf({ regression }: Partial<Descriptor>): Thresholds {
  return regression ? { share: regression.percent / 100, ms: checkedMs(regression.time) } : defaultThresholds
}

function allowedOf(
  { allow = [] }: Partial<Descriptor>,
  startedAt: string | null,
): BaselineConsulted['allowed'] {
  const today = (startedAt ?? new Date().toISOString()).slice(0, 10)
  return allow
    .filter(({ signature, until }) => signature.endsWith('-regression') && until >= today)
    .map(({ signature, until, owner, why }) => ({ signature, until, owner, why }))
}

/** Asks the history, only where something is slower, which earlier run was the first to be. */
async function slowSince(
  consulted: Extract<NewEvent, { type: 'baseline-consulted' }>,
  comparisons: BoardSummary['comparisons'],
  { results, run }: Context,
): Promise<BaselineConsulted['slowSince']> {
  const slower = comparisons.filter(({ verdict }) => verdict === 'slower')
  const { startedAt: before } = run
  if (slower.length === 0 || before === null) return []
  const startOf = new Map(
    consulted.groups.flatMap(({ runs }) => runs.map((one) => [one.run, one.startedAt ?? ''] as const)),
  )
  try {
    return await withHistory(results, tellNote, async (history) => {
      await takeInRuns(results, history, tellNote)
      return slower.flatMap(({ conditions, phase, from, to, baseline }) => {
        const after = startOf.get(baseline.at(-1)!) ?? ''
        const range = { fromMs: from.median, toMs: to.median, after, before }
        const first = history.slowSince({ board: consulted.board, conditions, phase }, range)
        return first ? [{ conditions, phase, ...first }] : []
      })
    })
  } catch (error) {
    tellNote(`the history does not say since when: ${(error as Error).message}`)
    return []
  }
}
