/** `npm run bisect`: the first kernel that fails, or whose gap is too long, in a list of Debian's or one's own. */
import { join, resolve } from 'node:path'
import { kernelVersions, versionOfRecipe } from '../../images/kernel-versions.ts'
import { recipeNames } from '../../images/recipe.ts'
import { loadDescriptor } from '../board/descriptor.ts'
import { isQemu } from '../board/kinds.ts'
import { durationMs } from '../duration.ts'
import { exitStatus, UsageError } from '../errors.ts'
import { between, fileCandidates, findCandidate, imageOf } from './bisect/candidates.ts'
import { searchKernels } from './bisect/run-search.ts'
import {
  type Bisection,
  type Candidate,
  type Criterion,
  folderName,
  newestUnfinished,
} from './bisect/state.ts'
import { describe } from './bisect/words.ts'
import { toThresholds } from './compare.ts'
import { boardsDir } from './paths.ts'
import { defaultRecipes } from './prepare-qemu.ts'
import { print } from './print.ts'
import { printProgress } from './progress.ts'
import { parseRunFlags, type RunFlags } from './run-options.ts'

export type BisectFlags = RunFlags & {
  good?: string
  bad?: string
  kernels?: string[]
  gap?: string
  slower?: string
  list?: boolean
  resume?: boolean
}

/** Returns 0 where the first bad kernel was found, 1 where several may be it. Throws what a run throws. */
export async function bisect(flags: BisectFlags, signal: AbortSignal): Promise<number> {
  if (flags.resume) {
    const { folder, state } = await newestUnfinished(resolve(flags.results))
    return await searchKernels(folder, state, { json: flags.json ?? false, signal })
  }
  const board = await boardOf(flags)
  const list = flags.kernels
    ? await fileCandidates(flags.kernels)
    : await debianCandidates(board.recipe, signal)
  if (flags.list) {
    await print(list.map(listLine).join('\n'))
    return exitStatus.passed
  }
  const criterion = criterionOf(flags)
  const good = await endOf(list, flags.good, { flags, flag: '--good', signal })
  const bad = await endOf(list, flags.bad, { flags, flag: '--bad', signal })
  const state: Bisection = {
    schemaVersion: 1,
    startedAt: new Date().toISOString(),
    ...{ ...board, criterion },
    old: await oldOf(list, flags, board.recipe),
    flags: runFlags(flags, criterion),
    candidates: between(list, good, bad),
    reversed: list.indexOf(good) > list.indexOf(bad),
    ...{ tried: {}, end: null },
  }
  // What was typed wrong is told before anything is tested.
  await parseRunFlags(state.flags as RunFlags, { boards: [], suites: [] })
  const folder = join(resolve(flags.results), folderName(state))
  return await searchKernels(folder, state, { json: flags.json ?? false, signal })
}

type Board = Pick<Bisection, 'board' | 'recipe'>

async function boardOf({ board, kernel }: BisectFlags): Promise<Board> {
  const [name] = board ?? []
  if (name === undefined || board!.length > 1)
    throw new UsageError('bisect wants one --board', { hint: 'For example: --board qemu-x86_64' })
  if (kernel !== undefined)
    throw new UsageError('bisect has no --kernel: each kernel of the list is one', {
      hint: '--kernels FOLDER has a list of your own; --old KERNEL boots cold and kexecs each.',
    })
  const descriptor = await loadDescriptor(name, boardsDir)
  if (!isQemu(descriptor))
    throw new UsageError(
      `${descriptor.name} is no QEMU board: its kernels lie on it, and bisect can't put others there`,
      {
        hint: 'Put one kernel after another there yourself, with `git bisect run npm test -- --bisect …`; see docs/bisect.md.',
      },
    )
  return {
    board: descriptor.name,
    recipe: descriptor.image.recipe ?? defaultRecipes[descriptor.arch],
  }
}

async function debianCandidates(recipe: string, signal: AbortSignal): Promise<Candidate[]> {
  const versions = await kernelVersions(recipe, { progress: printProgress, signal })
  return versions.map((kernel) => ({ name: kernel.version, kernel }))
}

function listLine(candidate: Candidate): string {
  const { name, kernel } = candidate
  return 'path' in kernel ? `${name}  ${kernel.path}` : `${describe(candidate)}  ${kernel.suite}`
}

type EndOptions = { flags: BisectFlags; flag: '--good' | '--bad'; signal: AbortSignal }

/** A list of one's own has its ends already; a recipe's name stands for the version that it takes. */
async function endOf(
  list: readonly Candidate[],
  wanted: string | undefined,
  { flags, flag, signal }: EndOptions,
): Promise<Candidate> {
  if (wanted === undefined && flags.kernels) return list.at(flag === '--good' ? 0 : -1)!
  if (wanted === undefined)
    throw new UsageError(`bisect wants ${flag}: a version of Debian's kernel package, or a recipe's name`, {
      hint: 'The same command with --list prints those that the mirror has.',
    })
  const isRecipe = !flags.kernels && (await recipeNames()).includes(wanted)
  const name = isRecipe ? await versionOfRecipe(wanted, { progress: printProgress, signal }) : wanted
  return findCandidate(list, name, flag)
}

/** A kernel of the list, or else what every run takes for a kernel: a path, or a recipe's name. */
async function oldOf(
  list: readonly Candidate[],
  { old }: BisectFlags,
  recipe: string,
): Promise<Bisection['old']> {
  if (old === undefined) return null
  if (old.includes('/') || (await recipeNames()).includes(old)) {
    const { old: parsed } = await parseRunFlags({ results: '.', old }, { boards: [], suites: [] })
    return parsed
  }
  return await imageOf(findCandidate(list, old, '--old'), recipe)
}

const cyclesOfGap = '5'

/** The criterion by gap wants its own suite and as many cycles as it takes to tell. */
function runFlags(flags: BisectFlags, { type }: Criterion): Bisection['flags'] {
  const { good, bad, kernels, list, resume, old, gap, slower, json, bisect, results, ...run } = flags
  const measures = type !== 'verdict'
  return {
    ...run,
    results: '.',
    suite: run.suite ?? [measures ? 'timing' : 'smoke'],
    ...(measures ? { iterations: run.iterations ?? cyclesOfGap } : {}),
  }
}

function criterionOf({ gap, slower }: BisectFlags): Criterion {
  if (gap !== undefined && slower !== undefined)
    throw new UsageError('--gap and --slower are two ways to say when a kernel is bad: take one')
  if (slower !== undefined) return { type: 'slower', ...toThresholds(slower, '--slower') }
  if (gap === undefined) return { type: 'verdict' }
  const ms = durationMs(gap)
  if (ms === undefined)
    throw new UsageError(`--gap wants a duration such as 800ms or 2s, not ${JSON.stringify(gap)}`)
  return { type: 'gap', ms }
}
