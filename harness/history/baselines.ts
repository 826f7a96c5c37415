/**
 * Baselines: what a board is expected to measure, accepted by a person. Each board has a file of its own with the values
 * themselves, so that a baseline outlives the runs that it was made of, and the history too, which is only a copy.
 */
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { LabError } from '../errors.ts'
import { type BaselineGroup, baselineGroup } from '../journal/events.ts'
import { conditionsKey } from '../journal/measured.ts'

const acceptedGroup = baselineGroup.extend({ acceptedAt: z.string() })
const baselineFile = z.object({
  schemaVersion: z.literal(1),
  board: z.string(),
  groups: z.array(acceptedGroup),
})
export type Baseline = z.infer<typeof baselineFile>

function folderOf(results: string): string {
  return join(results, 'baselines')
}

function fileOf(results: string, board: string): string {
  return join(folderOf(results), `${encodeURIComponent(board)}.json`)
}

/** The baseline of a board; undefined where none was accepted. Throws LabError for a file that can't be read. */
export async function readBaseline(results: string, board: string): Promise<Baseline | undefined> {
  const file = fileOf(results, board)
  try {
    return baselineFile.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new LabError(`the baseline ${file} can't be read: ${reason(error)}`, {
      hint: `Drop it with \`npm run baseline -- drop --board ${board}\`, and accept a run again.`,
      cause: error,
    })
  }
}

function reason(error: unknown): string {
  if (error instanceof z.ZodError) return 'it is no baseline of this harness'
  return error instanceof SyntaxError ? 'it is no JSON' : (error as Error).message
}

/** The boards that have a baseline, by name. */
export async function boardsWithBaseline(results: string): Promise<string[]> {
  const names = await readdir(folderOf(results)).catch(() => [])
  return names
    .filter((name) => name.endsWith('.json'))
    .map((name) => decodeURIComponent(name.slice(0, -'.json'.length)))
    .sort()
}

/**
 * Accepts what a run measured on a board: in place of what was accepted under the same conditions, or, with `add`, beside
 * it. What was accepted under other conditions stays. Throws LabError where it can't be written.
 */
export async function acceptBaseline(
  results: string,
  board: string,
  groups: readonly BaselineGroup[],
  { add, at }: { add: boolean; at: Date },
): Promise<Baseline> {
  const before = (await readBaseline(results, board))?.groups ?? []
  const known = new Map(before.map((group) => [conditionsKey(group.conditions), group]))
  for (const { conditions, runs } of groups) {
    const key = conditionsKey(conditions)
    const names = new Set(runs.map(({ run }) => run))
    const kept = add ? (known.get(key)?.runs ?? []).filter(({ run }) => !names.has(run)) : []
    const all = [...kept, ...runs].sort((left, right) => left.run.localeCompare(right.run))
    known.set(key, { conditions, runs: all, acceptedAt: at.toISOString() })
  }
  const baseline: Baseline = { schemaVersion: 1, board, groups: [...known.values()] }
  await write(fileOf(results, board), baseline)
  return baseline
}

/** Drops a board's baseline. Returns whether there was one. */
export async function dropBaseline(results: string, board: string): Promise<boolean> {
  try {
    await rm(fileOf(results, board))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw cannotWrite(fileOf(results, board), error)
  }
}

/** Whole or not at all: a run that ends at this moment reads the old one or the new one. */
async function write(file: string, baseline: Baseline): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    await mkdir(join(file, '..'), { recursive: true })
    await using handle = await open(temporary, 'w')
    await handle.writeFile(`${JSON.stringify(baseline, null, 1)}\n`)
    await handle.sync()
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw cannotWrite(file, error)
  }
  await rename(temporary, file).catch((error) => {
    throw cannotWrite(file, error)
  })
}

function cannotWrite(file: string, error: unknown): LabError {
  return new LabError(`cannot write ${file}: ${(error as Error).message}`, {
    hint: 'Make the folder writable, or choose another results folder with --results DIR.',
    cause: error,
  })
}
