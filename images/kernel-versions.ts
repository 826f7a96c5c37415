/** Which versions of a recipe's kernel the mirror has, across Debian's releases, and a recipe of each. */
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { stringify } from 'yaml'
import { z } from 'zod'
import { LabError, UsageError } from '../harness/errors.ts'
import { Apt, debArch, hasUpdates, listsFreshMs } from './apt.ts'
import { defaultCacheFolder, inCache, publishFile } from './cache.ts'
import { compareDebianVersions } from './debian-version.ts'
import { findKernelPackages } from './packaged-kernel.ts'
import type { Watch } from './progress.ts'
import { findRecipe, type Recipe, readRecipe, recipeNames } from './recipe.ts'

const versionSchema = z.object({
  /** Its package: linux-image-6.1.0-56-cloud-amd64. */
  package: z.string(),
  version: z.string(),
  /** The release, or an archive beside it, that has it: bookworm, bookworm-backports. */
  suite: z.string(),
})
const versionsSchema = z.array(versionSchema)

/** A kernel that can be had as a package. */
export type KernelVersion = z.infer<typeof versionSchema>

export type KernelVersionOptions = Watch & { cache?: string }

/**
 * All versions of the kernel that a recipe takes, oldest first: of its flavour and architecture, in each release that any
 * recipe is made of, with its updates, backports and proposed updates, and in experimental. What is known is a day old at most.
 * Throws UsageError for a recipe whose kernel is no package, LabError where the mirror has none at all.
 */
export async function kernelVersions(
  recipeName: string,
  { cache = defaultCacheFolder(), ...watch }: KernelVersionOptions = {},
): Promise<KernelVersion[]> {
  const recipe = await readRecipe(await findRecipe(recipeName))
  const flavour = flavourOf(recipe)
  // To ask for archives that the mirror does not have takes long, and its answer is in none of apt's lists.
  const file = inCache(cache, 'apt', `kernels-${recipe.arch}-${flavour}.json`)
  const known = await readFresh(file)
  if (known) return known
  const found = await findVersions(recipe, flavour, { ...watch, cache })
  await publishFile(file, JSON.stringify(found))
  return found
}

async function readFresh(file: string): Promise<KernelVersion[] | undefined> {
  const info = await stat(file).catch(() => undefined)
  if (!info || Date.now() - info.mtimeMs > listsFreshMs) return undefined
  const parsed = versionsSchema.safeParse(JSON.parse(await readFile(file, 'utf8')))
  return parsed.success ? parsed.data : undefined
}

async function findVersions(
  recipe: Recipe,
  flavour: string,
  options: KernelVersionOptions,
): Promise<KernelVersion[]> {
  const releases = await releasesOfRecipes()
  const found = new Map<string, KernelVersion>()
  let failure: unknown
  for (const suite of [...releases.flatMap(withBesides), 'experimental']) {
    try {
      for (const one of await versionsIn(suite, recipe, flavour, options))
        if (compareDebianVersions(found.get(one.package)?.version ?? '0~', one.version) < 0)
          found.set(one.package, one)
    } catch (error) {
      if (!(error instanceof LabError)) throw error
      // Few releases have all of what may be beside one.
      if (!releases.includes(suite)) continue
      failure ??= error
      options.progress?.(`kernels of ${suite} are left out: ${error.message.split('\n')[0]}`)
    }
  }
  if (found.size === 0) throw failure ?? noKernels(recipe)
  return [...found.values()].sort(
    (left, right) =>
      compareDebianVersions(left.version, right.version) || (left.package < right.package ? -1 : 1),
  )
}

/** A release and what may be beside it. */
function withBesides(release: string): string[] {
  return [release, `${release}-backports`, `${release}-proposed-updates`]
}

function noKernels({ name }: Recipe): LabError {
  return new LabError(`the mirror has no kernel of the flavour that the recipe ${name} takes`, {
    hint: 'Fetch its lists again with: npm run images -- --update',
  })
}

/** The version that a recipe itself takes. Throws as `kernelVersions` does. */
export async function versionOfRecipe(
  recipeName: string,
  { cache = defaultCacheFolder(), ...watch }: KernelVersionOptions = {},
): Promise<string> {
  const { suite, updates, arch, ...recipe } = await readRecipe(await findRecipe(recipeName))
  if (!('package' in recipe.kernel)) throw noPackage(recipe.name)
  const apt = new Apt({ ...watch, cache, suite, updates, arch: debArch[arch] })
  await apt.refresh()
  return (await findKernelPackages(apt, recipe.kernel.package))[0]!.version
}

/**
 * A recipe with that kernel in place of its own, and so with its modules; everything else stays as it is. Returns the path of
 * the recipe's file, which is in the cache.
 */
export async function recipeWithKernel(
  recipeName: string,
  { package: name, version, suite }: KernelVersion,
  cache = defaultCacheFolder(),
): Promise<string> {
  const recipe = await readRecipe(await findRecipe(recipeName))
  const own = `${recipe.name}-with-${version.toLowerCase().replaceAll(/[^a-z0-9.-]/g, '_')}`
  const file = inCache(cache, 'recipes', 'with-kernel', `${own}.yaml`)
  await publishFile(file, stringify({ ...recipe, name: own, kernel: { package: name, suite } }))
  return path.resolve(file)
}

/** `cloud-amd64` of linux-image-cloud-amd64 and of linux-image-6.1.0-56-cloud-amd64. */
function flavourOf({ name, kernel }: Recipe): string {
  const flavour =
    'package' in kernel
      ? /^linux-image-(?:\d[^-]*-(?:\d[^-]*-)?)?([a-z].*)$/.exec(kernel.package)?.[1]
      : undefined
  if (flavour === undefined) throw noPackage(name)
  return flavour
}

function noPackage(name: string): UsageError {
  return new UsageError(
    `the kernel of the recipe ${name} is no package of Debian's: it has no other versions`,
    {
      hint: 'Give your own kernels: --kernels FOLDER, or a file with a path a line.',
    },
  )
}

async function releasesOfRecipes(): Promise<string[]> {
  const recipes = await Promise.all(
    (await recipeNames()).map(async (name) => readRecipe(await findRecipe(name))),
  )
  return [...new Set(recipes.map(({ suite }) => suite))]
}

async function versionsIn(
  suite: string,
  { arch }: Recipe,
  flavour: string,
  { cache = defaultCacheFolder(), ...watch }: KernelVersionOptions,
): Promise<KernelVersion[]> {
  const apt = new Apt({ ...watch, cache, suite, updates: hasUpdates(suite), arch: debArch[arch] })
  await apt.refresh()
  const named = await apt.named((name) => isKernel(name, flavour))
  return named.map(({ name, version }) => ({ package: name, version, suite }))
}

/** Whether a package is one kernel of that flavour, and no meta package such as linux-image-6.1-amd64. */
export function isKernel(name: string, flavour: string): boolean {
  if (!name.startsWith('linux-image-') || !name.endsWith(`-${flavour}`)) return false
  const release = name.slice('linux-image-'.length, -flavour.length - 1)
  return /^\d+\.\d+(\.\d[^-]*|~rc\d[^-]*)(-\d[^-]*)?$/.test(release)
}
