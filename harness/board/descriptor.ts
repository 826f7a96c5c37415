/** Board descriptors: found by name or path, checked, and changed by what the command line says. */
import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { isUrl } from '../../images/file-url.ts'
import { UsageError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { parseYamlFile } from '../yaml.ts'
import { type BoardImage, type Descriptor, descriptorFile } from './descriptor-schema.ts'
import { isQemu, type QemuDescriptor } from './kinds.ts'
import { type LoaderChoice, loaderNames, loaderTypes } from './loader-types.ts'

export { type Descriptor, parsedDescriptor } from './descriptor-schema.ts'

/** Reads a descriptor that has to be of a QEMU machine. Throws as loadDescriptor does. */
export async function loadQemuDescriptor(nameOrPath: string, boardsDir: string): Promise<QemuDescriptor> {
  const descriptor = await loadDescriptor(nameOrPath, boardsDir)
  if (isQemu(descriptor)) return descriptor
  throw new UsageError(`${descriptor.name} is no QEMU board`)
}

/** Names of the boards that have a descriptor in a folder, sorted. Throws UsageError when the folder can't be read. */
export async function listBoards(boardsDir: string): Promise<string[]> {
  try {
    const files = await readdir(boardsDir)
    return files.flatMap((file) => /^(.+)\.yaml$/.exec(file)?.[1] ?? []).sort()
  } catch (cause) {
    throw new UsageError(`${boardsDir}: the folder of board descriptors can't be read`, { cause })
  }
}

/**
 * Reads and checks one descriptor: `juno` is boardsDir/juno.yaml, anything with a slash or ending in .yaml is a path.
 * Relative paths of its image become absolute, starting from the descriptor's folder.
 * Throws UsageError: no such board (with those that exist), or what is wrong in the file.
 */
export async function loadDescriptor(nameOrPath: string, boardsDir: string): Promise<Descriptor> {
  const isPath = nameOrPath.includes('/') || /\.ya?ml$/.test(nameOrPath)
  if (!isPath) await assertKnown(nameOrPath, boardsDir)
  const file = isPath ? nameOrPath : path.join(boardsDir, `${nameOrPath}.yaml`)
  const descriptor = await parseYamlFile(file, isPath ? descriptorFile : descriptorNamed(nameOrPath))
  // The paths of a real board are on the board.
  if (!descriptor.machine) return descriptor
  return { ...descriptor, image: resolveImage(descriptor.image, path.dirname(path.resolve(file))) }
}

async function assertKnown(name: string, boardsDir: string): Promise<void> {
  const known = await listBoards(boardsDir)
  if (known.includes(name)) return
  throw new UsageError(`unknown board ${JSON.stringify(name)}${didYouMean(name, known)}`, {
    hint:
      known.length === 0
        ? `There is no descriptor in ${boardsDir} yet.`
        : `Boards in ${boardsDir}: ${known.join(', ')}. A path to a descriptor works too.`,
  })
}

/** Reports, folders and journals use the board's name, so two descriptors must not share one. */
function descriptorNamed(name: string): z.ZodType<Descriptor> {
  return descriptorFile
    .refine((board) => board.name === name, {
      path: ['name'],
      error: `the file is called ${name}.yaml, so the board's name must be ${JSON.stringify(name)}`,
    })
    .meta({ title: 'board' })
}

function resolveImage(image: BoardImage, folder: string): BoardImage {
  const absolute = (file: string | undefined) =>
    file === undefined || isUrl(file) ? file : path.resolve(folder, file)
  const paths = {
    kernel: absolute(image.kernel),
    initramfs: absolute(image.initramfs),
    disk: absolute(image.disk),
  }
  return withoutUndefined({ recipe: image.recipe, ...paths })
}

/** What a command line may replace. Paths are the caller's to resolve; `append` is added to the descriptor's own. */
export type DescriptorOverrides = {
  /** A loader's type, and what it is told: `u-root,command=pxeboot`. */
  loader?: string
  /** An image of images/, in place of the descriptor's. */
  recipe?: string
  kernel?: string
  initramfs?: string
  disk?: string
  append?: string
}

/** A descriptor with the command line's word in place of its own. Throws UsageError for a loader that does not exist. */
export function overrideDescriptor(descriptor: Descriptor, overrides: DescriptorOverrides): Descriptor {
  const { recipe, kernel, initramfs, disk, append } = overrides
  return {
    ...descriptor,
    loader: overrideLoader(descriptor.loader, overrides.loader),
    image: overrideImage(descriptor.image, withoutUndefined({ recipe, kernel, initramfs, disk })),
    append: [descriptor.append, append ?? ''].filter((part) => part !== '').join(' '),
  }
}

/** A disk alone is booted by the board's firmware, so it replaces the recipe; other files replace parts of it. */
function overrideImage(image: BoardImage, files: BoardImage): BoardImage {
  const diskAlone = files.disk !== undefined && files.kernel === undefined && files.initramfs === undefined
  if (diskAlone) return files
  // Another image brings its own kernel and initramfs, in place of what the descriptor says of either.
  return files.recipe === undefined ? { ...image, ...files } : files
}

/**
 * `TYPE,KEY=VALUE,…`, as QEMU has it. The descriptor's own words about another loader mean nothing to this one, which
 * gets its defaults; what is said here goes before them.
 */
function overrideLoader(loader: LoaderChoice, text: string | undefined): LoaderChoice {
  if (text === undefined || text === loader.type) return loader
  const [name = '', ...words] = text.split(',')
  if (!loaderNames.includes(name))
    throw new UsageError(`unknown loader ${JSON.stringify(name)}${didYouMean(name, loaderNames)}`, {
      hint: `Loaders: ${loaderNames.join(', ')}.`,
    })
  const own = name === loader.type ? loader : { type: name }
  const parsed = loaderTypes.safeParse({ ...own, ...Object.fromEntries(words.map(keyAndValue)) })
  if (parsed.success) return parsed.data
  if (words.length === 0)
    throw new UsageError(`--loader ${name} has to be told more than its name`, {
      hint: `Write it into the board's descriptor, loader: { type: ${name}, … }; docs/loaders/${name}.md says what it takes.`,
    })
  const [issue] = parsed.error.issues
  throw new UsageError(`--loader ${text}: ${[...issue!.path, issue!.message].join(': ')}`, {
    hint: `docs/loaders/${name}.md says what ${name} takes.`,
  })
}

function keyAndValue(word: string): [key: string, value: string | number | boolean] {
  const at = word.indexOf('=')
  if (at < 1)
    throw new UsageError(`--loader: ${JSON.stringify(word)} is no KEY=VALUE`, {
      hint: 'For example: --loader u-root,command=pxeboot',
    })
  const value = word.slice(at + 1)
  if (/^\d+$/.test(value)) return [word.slice(0, at), Number(value)]
  return [word.slice(0, at), value === 'true' || (value === 'false' ? false : value)]
}

function withoutUndefined<T extends Record<string, string | undefined>>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T
}

/** The JSON Schema of a descriptor, as the text of boards/schema.json. */
export function jsonSchemaText(): string {
  const schema = z.toJSONSchema(descriptorFile, { io: 'input', target: 'draft-7' })
  return `${JSON.stringify({ ...schema, title: 'Board descriptor of kexec-harness' }, null, 2)}\n`
}

/** Writes boards/schema.json, with which editors check and complete descriptors; returns its path. */
export async function writeJsonSchema(boardsDir: string): Promise<string> {
  const file = path.join(boardsDir, 'schema.json')
  await writeFile(file, jsonSchemaText())
  return file
}
