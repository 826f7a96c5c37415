/** Boards that no recovery brought back: no run touches one before a person has looked at it and released it. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { LabError } from '../errors.ts'

const quarantine = z.object({
  reason: z.string(),
  /** ISO 8601. */
  since: z.string(),
  /** The run's folder, whose report shows what happened. */
  run: z.string().nullable(),
})
export type Quarantine = z.infer<typeof quarantine>

/** The XDG base directory for state; KEXEC_HARNESS_STATE is for racks whose users share one. */
function stateFolder(env = process.env): string {
  const base = env.XDG_STATE_HOME || path.join(homedir(), '.local', 'state')
  return path.join(env.KEXEC_HARNESS_STATE ?? path.join(base, 'kexec-harness'), 'quarantine')
}

const fileOf = (board: string) => path.join(stateFolder(), `${board}.json`)

/** Why a board is in quarantine; undefined where it is in none. */
export function quarantineOf(board: string): Quarantine | undefined {
  try {
    return quarantine.parse(JSON.parse(readFileSync(fileOf(board), 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    return { reason: `its note ${fileOf(board)} can't be read`, since: 'an unknown time', run: null }
  }
}

/** Throws LabError with the reason where a board is in quarantine. */
export function refuseQuarantined(board: string): void {
  const found = quarantineOf(board)
  if (!found) return
  throw new LabError(`${board} is in quarantine since ${found.since}: ${found.reason}`, {
    board,
    hint: `Look at the board${found.run ? ` and at ${found.run}` : ''}, then: npm run board -- release ${board}`,
  })
}

/** Puts a board into quarantine. Throws LabError where that can't be noted. */
export function putInQuarantine(board: string, reason: string, run: string | null): void {
  const note: Quarantine = { reason, since: new Date().toISOString(), run }
  try {
    mkdirSync(stateFolder(), { recursive: true })
    writeFileSync(fileOf(board), `${JSON.stringify(note, null, 2)}\n`)
  } catch (cause) {
    throw new LabError(`${board} should be in quarantine, but ${fileOf(board)} can't be written`, {
      cause,
      board,
    })
  }
}

/** Lifts a quarantine; false where there was none. */
export function releaseQuarantine(board: string): boolean {
  const there = quarantineOf(board) !== undefined
  rmSync(fileOf(board), { force: true })
  return there
}
