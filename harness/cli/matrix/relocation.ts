/** `npm run matrix:relocation -- RUN…`: relocation against the size of the initramfs, on several boards or kernels side by side. */
import { writeFile } from 'node:fs/promises'
import { linearRegression } from 'simple-statistics'
import { exitStatus, UsageError } from '../../errors.ts'
import type { RunSummary } from '../../journal/summary-schema.ts'
import type { ExperimentResult } from '../../kexec/experiment/result.ts'
import { duration } from '../../report/format.ts'
import { plot } from '../../report/plot.ts'
import { bootstrapInterval } from '../../stats/bootstrap.ts'
import { print } from '../print.ts'
import { readRun } from '../report.ts'
import { madeBy, markdownTable } from './markdown.ts'

type Point = { padMiB: number; relocationMs: number }
type Row = {
  board: string
  kernel: string
  way: string
  movedMiB: number | null
  points: Point[]
  /** Least squares: milliseconds without padding, and for each MiB of it. */
  fit: { m: number; b: number }
}

/** Prints the table and, with `svg`, writes the plot. Throws UsageError for what is no run, or has no such cycles. */
export async function relocationTable(runs: readonly string[], { svg }: { svg?: string }): Promise<number> {
  const summaries = await Promise.all(runs.map((run) => readRun(run)))
  const rows = summaries.flatMap(relocationRows)
  if (rows.length === 0)
    throw new UsageError('none of these runs has cycles with a larger initramfs that were looked into', {
      hint: 'npm test -- --board qemu-x86_64 --suite experiment makes them.',
    })
  const commands = [...new Set(summaries.map(({ command }) => command))]
  await print([markdownTable(head, rows.map(cellsOf)), '', ...madeBy(commands)].join('\n'))
  if (svg !== undefined) await writeFile(svg, `${plotOf(rows).markup}\n`)
  return exitStatus.passed
}

/** One row for each board of a run whose relocations were seen with initramfs of several sizes. */
export function relocationRows({ boards }: Pick<RunSummary, 'boards'>): Row[] {
  return boards.flatMap(({ name, cycles, experiments }) => {
    const kernel = cycles.find(({ kernel }) => kernel !== null)?.kernel ?? '-'
    return experiments.flatMap((experiment) => rowsOfExperiment(experiment, { board: name, kernel }))
  })
}

/** Ways differ in whether there is a digest, which relocation knows nothing of: all are one row. */
function rowsOfExperiment(
  { relocations, movedMiB }: ExperimentResult,
  where: Pick<Row, 'board' | 'kernel'>,
): Row[] {
  const points = relocations.map(({ padMiB, relocationMs }) => ({ padMiB, relocationMs }))
  if (new Set(points.map(({ padMiB }) => padMiB)).size < 2) return []
  const way = [...new Set(relocations.map((one) => one.way))].join(', ')
  return [{ ...where, way, movedMiB, points, fit: fitOf(points) }]
}

function fitOf(points: readonly Point[]): { m: number; b: number } {
  return linearRegression(points.map(({ padMiB, relocationMs }) => [padMiB, relocationMs]))
}

const head = ['board', 'kernel', 'moved', 'cycles', 'relocation', 'a MiB more (95 %)', 'for 100 MiB']

function cellsOf({ board, kernel, movedMiB, points, fit: { m, b } }: Row): string[] {
  const [low, high] = bootstrapInterval(points, (drawn) => fitOf(drawn).m)
  return [
    board,
    kernel,
    movedMiB === null ? '-' : `${movedMiB.toFixed(0)} MiB`,
    String(points.length),
    duration(b),
    `${m.toFixed(2)} ms (${low.toFixed(2)} to ${high.toFixed(2)})`,
    duration(m * 100),
  ]
}

function plotOf(rows: readonly Row[]) {
  return plot({
    title: 'Relocation against what the initramfs was made larger by',
    xLabel: 'initramfs, MiB more',
    yLabel: 'relocation, ms',
    series: rows.map(({ board, kernel, points, fit: { m, b } }) => ({
      name: `${board}, ${kernel}: ${m.toFixed(2)} ms a MiB`,
      points: points.map(({ padMiB, relocationMs }) => ({ x: padMiB, y: relocationMs })),
      line: { slope: m, intercept: b },
    })),
  })
}
