/** A bisection as its file has it, bisect.json in its folder: what is searched, and what is known so far. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { publishFile } from '../../../images/cache.ts'
import { UsageError } from '../../errors.ts'

/** One kernel of the list: a package of Debian's, or a file. */
const candidate = z.object({
  /** What a person calls it: the package's version, or the file's name. */
  name: z.string(),
  kernel: z.union([
    z.object({ package: z.string(), version: z.string(), suite: z.string() }),
    z.object({ path: z.string(), initramfs: z.string().optional(), sha256: z.string() }),
  ]),
})
export type Candidate = z.infer<typeof candidate>

/** When a kernel is bad. */
const criterion = z.discriminatedUnion('type', [
  /** A test failed. */
  z.object({ type: z.literal('verdict') }),
  /** The median gap of a way of loading is longer than this. */
  z.object({ type: z.literal('gap'), ms: z.number() }),
  /** The gap of a way of loading is longer than the good kernel's: by the rank test, and by more than both of these. */
  z.object({ type: z.literal('slower'), share: z.number(), ms: z.number() }),
])
export type Criterion = z.infer<typeof criterion>

const tried = z.object({
  verdict: z.enum(['good', 'bad', 'skipped']),
  why: z.string(),
  /** Whose fault it is that it can't be tested; null where it could be. */
  fault: z.string().nullable(),
  /** The run's folder; null where it did not get as far. */
  run: z.string().nullable(),
  durationMs: z.number(),
  /** Milliseconds of each phase, by the way of loading: `kexec_load --no-checks`. */
  phases: z.record(z.string(), z.record(z.string(), z.array(z.number()))),
})
export type Tried = z.infer<typeof tried>

const bisection = z.object({
  schemaVersion: z.literal(1),
  startedAt: z.string(),
  /** The board's name. */
  board: z.string(),
  /** The recipe that packaged kernels take the place of the kernel in. */
  recipe: z.string(),
  criterion,
  /** The kernel that boots cold; null: the candidate itself. */
  old: z.object({ kernel: z.string().optional(), recipe: z.string().optional() }).nullable(),
  /** What is handed on to each run, as it was typed: `--board` and others. */
  flags: z.record(z.string(), z.unknown()),
  /** From the good one to the bad one. */
  candidates: z.array(candidate).min(2),
  /** Whether the good one is the newer one: what mended it is searched. */
  reversed: z.boolean(),
  tried: z.record(z.string(), tried),
  /** Set when the search came to its end. */
  end: z.object({ lastGood: z.string(), culprits: z.array(z.string()) }).nullable(),
})
export type Bisection = z.infer<typeof bisection>

const prefix = 'bisect-'

/** The name of a new bisection's folder. */
export function folderName({ startedAt, board }: Bisection): string {
  return `${prefix}${startedAt.replace(/\.\d+Z$/, 'Z').replaceAll(':', '-')}-${board}`
}

/** Writes the file in one step, so that one that was interrupted is whole. */
export async function save(folder: string, state: Bisection): Promise<void> {
  await publishFile(join(folder, 'bisect.json'), `${JSON.stringify(state, null, 2)}\n`)
}

/** The newest bisection in a results folder that has no end. Throws UsageError where there is none. */
export async function newestUnfinished(results: string): Promise<{ folder: string; state: Bisection }> {
  const names = (await readdir(results).catch(() => [])).filter((name) => name.startsWith(prefix)).sort()
  for (const name of names.toReversed()) {
    const folder = join(results, name)
    const state = await read(join(folder, 'bisect.json'))
    if (state && state.end === null) return { folder, state }
  }
  throw new UsageError(`there is no unfinished bisection in ${results}`, {
    hint: 'Begin one: npm run bisect -- --board NAME --good KERNEL --bad KERNEL',
  })
}

async function read(file: string): Promise<Bisection | undefined> {
  if (!(await stat(file).catch(() => undefined))) return undefined
  try {
    return bisection.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    throw new UsageError(`${file} is no bisection that this version can go on with`, {
      hint: 'Remove its folder and begin anew.',
      cause,
    })
  }
}
