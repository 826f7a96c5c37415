/** `npm run board -- list` and `release`: the boards there are, and who has them. */
import { listBoards, loadDescriptor } from '../board/descriptor.ts'
import { describeHolder, holderOf } from '../board/lock.ts'
import { quarantineOf, releaseQuarantine } from '../board/quarantine.ts'
import { exitStatus, HarnessError, UsageError } from '../errors.ts'
import { visibleLine } from '../report/escape.ts'
import { boardsDir } from './paths.ts'
import { print } from './print.ts'

const columns = ['board', 'arch', 'console', 'power', 'held by', 'quarantine']
const longest = 60

/** Prints a line a board. A descriptor that is wrong is a line too. Returns the exit status. */
export async function boardList(): Promise<number> {
  const names = await listBoards(boardsDir)
  const rows = [columns, ...(await Promise.all(names.map(row)))]
  const widths = columns.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  const lines = rows.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  )
  await print(lines.join('\n'))
  return exitStatus.passed
}

/** Lifts a board's quarantine. Returns the exit status. Throws UsageError for a board that is in none. */
export async function boardRelease(board: string): Promise<number> {
  const { name } = await loadDescriptor(board, boardsDir)
  const quarantine = quarantineOf(name)
  if (!quarantine) throw new UsageError(`${name} is not in quarantine`)
  releaseQuarantine(name)
  await print(
    `${name} may be used again. It was in quarantine since ${quarantine.since}: ${visibleLine(quarantine.reason)}`,
  )
  return exitStatus.passed
}

async function row(name: string): Promise<string[]> {
  try {
    const { arch, console, power } = await loadDescriptor(name, boardsDir)
    const holder = await holderOf(name)
    const quarantine = quarantineOf(name)
    return [
      name,
      arch,
      console.type,
      power.type,
      holder === undefined ? '-' : visibleLine(describeHolder(holder), { maxLength: longest }),
      quarantine ? visibleLine(quarantine.reason, { maxLength: longest }) : '-',
    ]
  } catch (error) {
    if (!(error instanceof HarnessError)) throw error
    return [name, '?', '?', '?', '-', `its descriptor is wrong: npm run doctor -- --board ${name}`]
  }
}
