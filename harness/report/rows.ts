/** The rows of the overview table, the same on a terminal and in HTML: one for each board, kernel and way of loading. */
import type { Verdict } from '../journal/events.ts'
import type { BoardSummary, CycleSummary, RunSummary } from '../journal/summary-schema.ts'
import { isMeasured } from '../journal/summary-statistics.ts'
import { worst } from '../journal/summary-verdict.ts'
import { summarize } from '../stats/summary.ts'
import { loaderLabel } from './format.ts'

export type Row = {
  board: string
  kernel: string | null
  loader: string | null
  proven: number
  cycles: number
  gapMedianMs: number | null
  gapP95Ms: number | null
  startupMedianMs: number | null
  verdict: Verdict
}

/** A board without a single cycle still has its row. */
export function overviewRows(summary: RunSummary): Row[] {
  return summary.boards.flatMap((board) =>
    board.cycles.some(({ inVain }) => !inVain) ? cycleRows(board) : [emptyRow(board)],
  )
}

function emptyRow({ name, boots, verdict }: BoardSummary): Row {
  const kernel = boots.findLast((boot) => boot.kernel !== null)?.kernel ?? null
  return {
    board: name,
    kernel,
    loader: null,
    proven: 0,
    cycles: 0,
    gapMedianMs: null,
    gapP95Ms: null,
    startupMedianMs: null,
    verdict,
  }
}

function cycleRows(board: BoardSummary): Row[] {
  const counted = board.cycles.filter(({ inVain }) => !inVain)
  const variants = Map.groupBy(counted, loaderLabel)
  const bootKernel = board.boots.findLast(({ kernel }) => kernel !== null)?.kernel ?? null
  return [...variants].flatMap(([loader, cycles]) => {
    // A cycle that failed before the new kernel told its name counts for the kernel that the others started.
    const usual = cycles.find(({ kernel }) => kernel !== null)?.kernel ?? bootKernel
    const kernels = Map.groupBy(cycles, ({ kernel }) => kernel ?? usual)
    return [...kernels].map(([kernel, group]) => rowOf(board, kernel, loader, group))
  })
}

function rowOf(board: BoardSummary, kernel: string | null, loader: string, cycles: CycleSummary[]): Row {
  const gaps = phaseOf(cycles, 'gapMs')
  return {
    board: board.name,
    kernel,
    loader,
    proven: cycles.filter(({ proven }) => proven).length,
    cycles: cycles.filter(({ verdict }) => verdict !== 'skipped').length,
    gapMedianMs: gaps?.median ?? null,
    gapP95Ms: gaps?.p95 ?? null,
    startupMedianMs: phaseOf(cycles, 'startupMs')?.median ?? null,
    verdict: worst([...cycles.map(({ verdict }) => verdict), ...testVerdicts(board, cycles)]),
  }
}

function phaseOf(cycles: readonly CycleSummary[], phase: 'gapMs' | 'startupMs') {
  const values = cycles.filter(isMeasured).map(({ phases }) => phases[phase])
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? null : summarize(known)
}

function testVerdicts(board: BoardSummary, cycles: readonly CycleSummary[]): Verdict[] {
  const names = new Set(cycles.map(({ suite, test }) => JSON.stringify([suite, test])))
  return board.tests
    .filter(({ suite, test }) => names.has(JSON.stringify([suite, test])))
    .map(({ verdict }) => verdict)
}
