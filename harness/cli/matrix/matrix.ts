/** Runs of one suite over kernels or faults, and the table that they come to. */
import { faultNames } from '../../../images/faults.ts'
import { exitStatus, UsageError } from '../../errors.ts'
import { print } from '../print.ts'
import { type RunEnd, run } from '../run.ts'
import { parseRunFlags, type RunFlags } from '../run-options.ts'
import { defaultBoards } from '../start.ts'
import { faultRow, faultTable } from './faults.ts'
import { type Column, columnOf, matrixBoards, shutdownTable } from './shutdown.ts'

const matrices = { shutdown: shutdownMatrix, faults: faultMatrix }

/** Prints the table; the exit status is that of its worst run, and 1 where a fault was not found. */
export async function matrix(name: string, flags: RunFlags, signal: AbortSignal): Promise<number> {
  const known = Object.entries(matrices).find(([key]) => key === name)?.[1]
  if (!known)
    throw new UsageError(`there is no matrix ${JSON.stringify(name)}`, {
      hint: `Matrices: ${Object.keys(matrices).join(', ')}.`,
    })
  return await known(flags, signal)
}

async function runOnce(flags: RunFlags, signal: AbortSignal): Promise<RunEnd> {
  const end = await run(await parseRunFlags(flags, { boards: defaultBoards, suites: ['shutdown'] }), signal)
  signal.throwIfAborted()
  return end
}

async function shutdownMatrix(flags: RunFlags, signal: AbortSignal): Promise<number> {
  let worst: number = exitStatus.passed
  const tables: string[] = []
  for (const { board, images } of matrixBoards.filter(
    (one) => flags.board === undefined || flags.board.includes(one.board),
  )) {
    const columns: Column[] = []
    for (const kernel of images) {
      const { summary, status } = await runOnce({ ...flags, board: [board], kernel }, signal)
      worst = Math.max(worst, status)
      const column = columnOf(summary)
      if (column) columns.push(column)
    }
    tables.push(`### ${board}\n\n${shutdownTable(columns)}`)
  }
  await print(tables.join('\n\n'))
  return worst
}

async function faultMatrix(flags: RunFlags, signal: AbortSignal): Promise<number> {
  const rows = []
  for (const fault of [null, ...faultNames]) {
    const { summary } = await runOnce({ ...flags, ...(fault === null ? {} : { fault }) }, signal)
    rows.push({ ...faultRow(fault, summary), boards: summary.boards.map(({ name }) => name) })
  }
  await print(faultTable(rows[0]?.boards ?? [], rows))
  return rows.every(({ ok }) => ok) ? exitStatus.passed : exitStatus.failed
}
