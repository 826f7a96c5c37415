/** The recording of a run's console, from what its folder holds. */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Cast, formatCast, readCast } from '../../console/cast/cast.ts'
import { castFromLog } from '../../console/cast/cast-from-log.ts'
import { UsageError } from '../../errors.ts'

export type RunPart = {
  /** Absent: the only one. */
  board: string | undefined
  /** Milliseconds since the run's start. */
  fromMs: number | undefined
  toMs: number | undefined
}

/** An asciicast, and what to call it. Throws UsageError where the folder has no console, or several and none was named. */
export async function castOfRun(folder: string, part: RunPart): Promise<{ text: string; name: string }> {
  const console = join(folder, 'console')
  const files = await readdir(console).catch((cause) => {
    throw new UsageError(`${folder} is no run's folder: it has no console/`, {
      hint: 'Name a folder of results/, such as results/latest.',
      cause,
    })
  })
  const board = chooseBoard(folder, files, part.board)
  const whole = files.includes(`${board}.cast`)
    ? await readCast(join(console, `${board}.cast`))
    : await castOfOldRun(console, board)
  const cast = cut({ ...whole, title: `${board}, ${basename(folder)}` }, part)
  return { text: formatCast(cast), name: `${basename(folder)}-${board}` }
}

/** A run of before recordings were kept: the bytes are all there, and the time of each line. */
async function castOfOldRun(console: string, board: string): Promise<Cast> {
  const [raw, log] = await Promise.all([
    readFile(join(console, `${board}.raw`)),
    readFile(join(console, `${board}.log`), 'utf8').catch(() => ''),
  ])
  return castFromLog(join(console, `${board}.log`), raw, log)
}

function chooseBoard(folder: string, files: readonly string[], wanted: string | undefined): string {
  const boards = [...new Set(files.flatMap((file) => /^(.+)\.(?:cast|raw)$/.exec(file)?.[1] ?? []))].sort(
    (one, other) => one.localeCompare(other),
  )
  const listed = boards.length === 0 ? 'none' : boards.join(', ')
  if (wanted !== undefined) {
    if (boards.includes(wanted)) return wanted
    throw new UsageError(`${folder} has no console of ${JSON.stringify(wanted)}`, {
      hint: `It has: ${listed}.`,
    })
  }
  const [only, ...others] = boards
  if (only === undefined) throw new UsageError(`${folder} has no console that could be made a recording`)
  if (others.length === 0) return only
  throw new UsageError(`${folder} has several consoles`, { hint: `Name one with --board: ${listed}.` })
}

/** A part of it, which begins with its first event. */
function cut(cast: Cast, { fromMs = 0, toMs = Number.POSITIVE_INFINITY }: RunPart): Cast {
  const kept = cast.events.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs)
  const startMs = kept[0]?.atMs ?? 0
  return { ...cast, events: kept.map((event) => ({ ...event, atMs: event.atMs - startMs })) }
}
