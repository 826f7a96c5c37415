/** Builds images from recipes, once: what was built stays in the cache under the hash of what went into it. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { UsageError } from '../harness/errors.ts'
import { assembleImage, gatherInputs } from './assemble.ts'
import { defaultCacheFolder, inCache, publishFile, publishFolder, withLock } from './cache.ts'
import { type Image, imageSchema } from './image-schema.ts'
import { type GuestScript, initramfsFormat, readGuestScripts } from './initramfs.ts'
import type { Watch } from './progress.ts'
import { findRecipe, type Recipe, readRecipe } from './recipe.ts'

export type ResolveOptions = Watch & {
  /** The architecture that the board has; a recipe for another one is refused. */
  arch?: Image['arch']
  /** The cache folder; the project's own where it is not given. */
  cache?: string
  /** Looks for newer packages even when the image is built. */
  update?: boolean
}

/**
 * The image of a recipe, built when it is not in the cache. A built image costs a few milliseconds and needs neither
 * network nor apt; `update` looks for newer packages.
 * Throws UsageError for what is wrong in the recipe and LabError for what this machine lacks.
 */
export async function resolveImage(nameOrPath: string, options: ResolveOptions = {}): Promise<Image> {
  const cache = options.cache ?? defaultCacheFolder()
  const file = await findRecipe(nameOrPath)
  const scripts = await readGuestScripts()
  const record = await recordFile(cache, file, scripts)
  const known = options.update || record === undefined ? undefined : await readRecord(record)
  const image = known ?? (await build(cache, file, scripts, record, options))
  if (options.arch === undefined || options.arch === image.arch) return image
  throw new UsageError(`the image ${image.name} is for ${image.arch}, the board is ${options.arch}`, {
    hint: `give the board an image for ${options.arch}; list them with: npm run images`,
  })
}

/** The image of a recipe if it is built; undefined when it would have to be. Throws UsageError: no such recipe. */
export async function describeImage(
  nameOrPath: string,
  cache = defaultCacheFolder(),
): Promise<Image | undefined> {
  const record = await recordFile(cache, await findRecipe(nameOrPath), await readGuestScripts())
  return record === undefined ? undefined : await readRecord(record)
}

async function build(
  cache: string,
  file: string,
  scripts: GuestScript[],
  record: string | undefined,
  options: ResolveOptions,
): Promise<Image> {
  const recipe = await readRecipe(file)
  return await withLock(cache, `image-${recipe.name}`, options, async () => {
    // Another builder may have finished it while this one waited.
    const meanwhile = options.update || record === undefined ? undefined : await readRecord(record)
    if (meanwhile) return meanwhile
    options.progress?.(`prepare image ${recipe.name}`)
    const inputs = await gatherInputs(recipe, file, { ...options, cache })
    const key = imageKey(recipe, scripts, inputs.identity)
    const folder = inCache(cache, 'images', `${recipe.name}-${key.slice(0, 16)}`)
    await publishFolder(cache, folder, (temporary) =>
      assembleImage({ recipe, key, inputs, scripts, folder: temporary, watch: options, cache }),
    )
    const image = await readImage(folder)
    // A kernel that is a path can change without the recipe changing: such an image is looked at each time.
    if (record !== undefined && 'package' in recipe.kernel)
      await publishFile(record, JSON.stringify({ folder: path.basename(folder) }))
    options.progress?.(`image ${recipe.name} is ready: kernel ${image.kernelRelease ?? 'of unknown release'}`)
    return image
  })
}

/** SHA-256 over everything that decides what the image's files hold. */
function imageKey(recipe: Recipe, scripts: readonly GuestScript[], identity: readonly string[]): string {
  const hash = createHash('sha256')
  hash.update(JSON.stringify({ initramfsFormat, recipe, identity }))
  for (const { name, content } of scripts) hash.update(`\0${name}\0${content.length}\0`).update(content)
  return hash.digest('hex')
}

/**
 * Where the cache remembers what became of a recipe as it is now. The name depends on the recipe's text and the
 * guest's scripts, so that a change of either is a new image. undefined: there is no such file, reading it says so.
 */
async function recordFile(cache: string, file: string, scripts: GuestScript[]): Promise<string | undefined> {
  const text = await readFile(file).catch(() => undefined)
  if (text === undefined) return undefined
  const hash = createHash('sha256').update(`${initramfsFormat}\0${file}\0`).update(text)
  for (const { name, content } of scripts) hash.update(`\0${name}\0${content.length}\0`).update(content)
  const name = path.basename(file).replace(/\.ya?ml$/, '')
  return inCache(cache, 'recipes', `${name}-${hash.digest('hex').slice(0, 16)}.json`)
}

async function readRecord(record: string): Promise<Image | undefined> {
  try {
    const { folder } = JSON.parse(await readFile(record, 'utf8')) as { folder: string }
    return await readImage(path.join(path.dirname(record), '..', 'images', path.basename(folder)))
  } catch {
    // Nothing built yet, or somebody cleared a part of the cache: built again.
    return undefined
  }
}

/** Reads a built image's description. Its paths are relative to its folder, so that a cache can be moved. */
export async function readImage(folder: string): Promise<Image> {
  const image = imageSchema.parse(JSON.parse(await readFile(path.join(folder, 'image.json'), 'utf8')))
  const absolute = (name: string) => path.resolve(folder, name)
  const { disk } = image.payload
  const found = {
    ...image,
    kernel: absolute(image.kernel),
    initramfs: absolute(image.initramfs),
    payload: { disk: disk === null ? null : absolute(disk) },
  }
  await Promise.all(
    [found.kernel, found.initramfs, ...(disk === null ? [] : [absolute(disk)])].map((name) => stat(name)),
  )
  return found
}
