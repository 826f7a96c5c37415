/** `npm run record -- BOARD` and `npm run record -- RUN_FOLDER`: consoles as asciicasts, which asciinema plays. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { exitStatus, UsageError } from '../errors.ts'
import { print } from './print.ts'
import { createOutput } from './record/output.ts'

export type RecordFlags = {
  output?: string
  /** Of a board. */
  write?: boolean
  powerCycle?: boolean
  for?: string
  /** Of a QEMU board's machine. */
  kernel?: string
  initramfs?: string
  disk?: string
  append?: string
  /** Of a run. */
  board?: string
  from?: string
  to?: string
}

const boardFlags = ['write', 'powerCycle', 'for', 'kernel', 'initramfs', 'disk', 'append'] as const
const runFlags = ['board', 'from', 'to'] as const

/**
 * Records a board until somebody quits, or makes the recording of a run that was. Returns the exit status.
 * Throws UsageError (no such board, run or flag, a file in the way) and LabError (console, power, disk).
 */
export async function record(target: string, flags: RecordFlags, signal: AbortSignal): Promise<number> {
  const isRun = statSync(target, { throwIfNoEntry: false })?.isDirectory() ?? false
  for (const flag of isRun ? boardFlags : runFlags)
    if (flags[flag] !== undefined)
      throw new UsageError(
        `--${flag === 'powerCycle' ? 'power-cycle' : flag} is for ${isRun ? "a board, not for a run's folder" : "a run's folder, not for a board"}`,
      )
  if (isRun) return await recordRun(target, flags)
  // Only now: what reaches boards is a lot.
  const { recordBoard } = await import('./record/board.ts')
  return await recordBoard(target, flags, signal)
}

async function recordRun(target: string, flags: RecordFlags): Promise<number> {
  const { castOfRun } = await import('./record/run.ts')
  const { text, name } = await castOfRun(resolve(target), {
    board: flags.board,
    fromMs: toMs('--from', flags.from),
    toMs: toMs('--to', flags.to),
  })
  using output = createOutput(flags.output ?? `${name}.cast`)
  output.write(text)
  if (!output.isStandard) await print(output.path)
  return exitStatus.passed
}

function toMs(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = Number(text)
  if (text.trim() !== '' && seconds >= 0 && Number.isFinite(seconds)) return seconds * 1000
  throw new UsageError(
    `${flag} wants seconds since the run's start, as BOARD.log has them, not ${JSON.stringify(text)}`,
  )
}
