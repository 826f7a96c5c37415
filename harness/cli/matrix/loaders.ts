/** `npm run matrix:loaders -- RUN…`: what runs say of each loader, board and way of selecting, as a table. */
import { exitStatus } from '../../errors.ts'
import type { BoardSummary, CycleSummary, RunSummary } from '../../journal/summary-schema.ts'
import { duration, loaderLabel } from '../../report/format.ts'
import { summarize } from '../../stats/summary.ts'
import { print } from '../print.ts'
import { readRun } from '../report.ts'
import { madeBy, markdownTable } from './markdown.ts'

export type LoaderRow = {
  loader: string
  board: string
  suite: string
  /** How it was told what to boot: by a label in its menu, by its time-out, by a command, by a crash. */
  way: string
  proven: number
  cycles: number
  /** How cycles ended that did not pass, and how many did so. */
  ends: Record<string, number>
  gapMs: number | null
  /** From the choice in a menu, or the command that executes, to the new kernel's ready; back in a chain, to the menu. */
  toUserSpaceMs: number | null
}

/** Where no label is chosen and no plain command is typed. */
const selecting: Partial<Record<string, string>> = {
  'pxe-kexec': 'label of a pxelinux.cfg',
  kdump: 'crash (sysrq)',
  'systemctl-kexec': '`systemctl kexec` in its shell',
  'kexec-target': 'kexec.target, started in its shell',
  'debian-reboot': '`reboot` in its shell',
}

/** Prints the table of the runs' cycles and the commands that made them. Throws UsageError for what is no run. */
export async function loaderTable(runs: readonly string[]): Promise<number> {
  const summaries = await Promise.all(runs.map((run) => readRun(run)))
  await print(loaderTableText(summaries))
  return exitStatus.passed
}

/** The table, each row with the number of the command that made it, and the commands, in the order of the runs. */
export function loaderTableText(summaries: readonly RunSummary[]): string {
  const commands = [...new Set(summaries.map(({ command }) => command))]
  const rows = summaries.flatMap((summary) =>
    loaderRows(summary).map((row) => [...cellsOf(row), String(commands.indexOf(summary.command) + 1)]),
  )
  const head = ['loader', 'board', 'suite', 'way of selecting', 'proven', 'gap', 'to user space', 'made by']
  return [markdownTable(head, rows), '', ...madeBy(commands)].join('\n')
}

/** The rows of one run: its good boots, without entries that were to fail. */
export function loaderRows({ boards }: RunSummary): LoaderRow[] {
  return boards.flatMap((board) => {
    const cycles = board.cycles.filter(
      ({ warmup, inVain, verdict }) => !warmup && !inVain && !['skipped', 'interrupted'].includes(verdict),
    )
    const groups = Map.groupBy(cycles, (cycle) => JSON.stringify([cycle.suite, cycle.loader, wayOf(cycle)]))
    return [...groups.values()].map((group) => rowOf(board, group))
  })
}

function rowOf(board: BoardSummary, cycles: readonly CycleSummary[]): LoaderRow {
  const [first] = cycles
  const proven = cycles.filter((cycle) => cycle.proven)
  const median = (values: (number | undefined)[]) => {
    const known = values.filter((value) => value !== undefined)
    return known.length === 0 ? null : summarize(known).median
  }
  const ends = Map.groupBy(
    cycles.filter(({ verdict }) => verdict !== 'passed'),
    ({ diagnosis, failure, verdict }) => diagnosis?.kind ?? failure?.kind ?? verdict,
  )
  return {
    loader: isBack(first!) ? bootloaderOf(board) : first!.loader,
    board: board.name,
    suite: first!.suite,
    way: wayOf(first!),
    proven: proven.length,
    cycles: cycles.length,
    ends: Object.fromEntries([...ends].map(([end, { length }]) => [end, length])),
    gapMs: median(proven.map(({ phases }) => phases.gapMs)),
    toUserSpaceMs: median(proven.map(({ phases }) => phases.choiceToReadyMs ?? phases.totalMs)),
  }
}

/** From the main Linux back into the bootloader, which the row is about. */
function isBack({ suite, choice }: CycleSummary): boolean {
  return suite === 'chain' && choice === null
}

function bootloaderOf({ cycles }: BoardSummary): string {
  return cycles.find(({ choice }) => choice !== null)?.loader ?? '?'
}

function wayOf(cycle: CycleSummary): string {
  const { choice, loader } = cycle
  if (choice?.by === 'time-out') return 'menu, by its time-out'
  if (choice) return choice.edit === undefined ? 'menu, by label' : 'menu, by label, command line edited'
  const command = loaderLabel({ ...cycle, loader: 'kexec-tools' })
  if (isBack(cycle)) return `back into it by ${loader}, ${command}`
  return `${selecting[loader] ?? 'command in its shell'}, ${command}`
}

function cellsOf({ proven, cycles, ends, gapMs, toUserSpaceMs, ...row }: LoaderRow): string[] {
  const others = Object.entries(ends).map(([end, count]) => `, ${count} ${end}`)
  return [
    ...[row.loader, row.board, row.suite, row.way, `${proven} of ${cycles}${others.join('')}`],
    ...[duration(gapMs), duration(toUserSpaceMs)],
  ]
}
