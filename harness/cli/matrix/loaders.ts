/** `npm run matrix:loaders -- RUN…`: what runs say of each loader, board and way of selecting, as a table. */
import { exitStatus } from '../../errors.ts'
import type { BoardSummary, CycleSummary, RunSummary } from '../../journal/summary-schema.ts'
import { duration, loaderLabel } from '../../report/format.ts'
import { summarize } from '../../stats/summary.ts'
import { print } from '../print.ts'
import { readRun } from '../report.ts'
import { markdownTable } from './markdown.ts'

export type LoaderRow = {
  loader: string
  board: string
  /** How it was told what to boot: by a label in its menu, by its time-out, or by a command. */
  way: string
  proven: number
  cycles: number
  gapMs: number | null
  /** From the choice in a menu, or the command that executes, to the new kernel's ready. */
  toUserSpaceMs: number | null
}

/** Prints the table of the runs' cycles and the commands that made them. Throws UsageError for what is no run. */
export async function loaderTable(runs: readonly string[]): Promise<number> {
  const summaries = await Promise.all(runs.map((run) => readRun(run)))
  await print(`${table(summaries.flatMap(loaderRows))}\n\n${commands(summaries)}`)
  return exitStatus.passed
}

/** The rows of one run: its good boots, without entries that were to fail and without kexecs back. */
export function loaderRows({ boards }: RunSummary): LoaderRow[] {
  return boards.flatMap((board) => {
    const ways = Map.groupBy(
      board.cycles.filter(
        ({ warmup, inVain, verdict }) => !warmup && !inVain && !['skipped', 'interrupted'].includes(verdict),
      ),
      wayOf,
    )
    return [...ways].map(([way, cycles]) => rowOf(board, way, cycles))
  })
}

function rowOf(board: BoardSummary, way: string, cycles: readonly CycleSummary[]): LoaderRow {
  const proven = cycles.filter((cycle) => cycle.proven)
  const median = (values: (number | undefined)[]) => {
    const known = values.filter((value) => value !== undefined)
    return known.length === 0 ? null : summarize(known).median
  }
  return {
    loader: cycles[0]!.loader,
    board: board.name,
    way,
    proven: proven.length,
    cycles: cycles.length,
    gapMs: median(proven.map(({ phases }) => phases.gapMs)),
    toUserSpaceMs: median(proven.map(({ phases }) => phases.choiceToReadyMs ?? phases.totalMs)),
  }
}

function wayOf(cycle: CycleSummary): string {
  const { choice, suite, loader } = cycle
  if (choice?.by === 'time-out') return 'menu, by its time-out'
  if (choice) return choice.edit === undefined ? 'menu, by label' : 'menu, by label, command line edited'
  const command = loaderLabel({ ...cycle, loader: 'kexec-tools' })
  return suite === 'chain' ? `back into the bootloader, ${loader} ${command}` : command
}

function table(rows: readonly LoaderRow[]): string {
  return markdownTable(
    ['loader', 'board', 'way of selecting', 'proven', 'gap', 'to user space'],
    rows.map(({ loader, board, way, proven, cycles, gapMs, toUserSpaceMs }) => [
      ...[loader, board, way, `${proven} of ${cycles}`],
      ...[duration(gapMs), duration(toUserSpaceMs)],
    ]),
  )
}

/** Each command once, in the order of the runs. */
function commands(summaries: readonly RunSummary[]): string {
  const all = new Set(summaries.map(({ command }) => command))
  return ['Made by:', '', ...[...all].map((command) => `    ${command}`)].join('\n')
}
