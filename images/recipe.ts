/** A recipe: which kernel, and what goes into the initramfs. One YAML file each. */
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { UsageError } from '../harness/errors.ts'
import { didYouMean } from '../harness/nearest.ts'
import { parseYamlFile } from '../harness/yaml.ts'
import { archSchema } from './image-schema.ts'

const recipeFolder = import.meta.dirname

const packageName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.+-]+$/, 'is no name of a Debian package')
  .meta({ title: 'the name of a Debian package', examples: ['kexec-tools'] })

const absolutePath = z
  .string()
  .regex(/^\/[^\0]*$/, 'has to start with /')
  .meta({ title: 'an absolute path in the package', examples: ['/sbin/kexec'] })

/** The kernel of a Debian package, its modules with it. */
const packagedKernel = z.strictObject({
  /** linux-image-…; a meta package such as linux-image-cloud-arm64 stands for the newest one it depends on. */
  package: packageName,
  /** The release, or an archive beside it such as bookworm-backports, that has the package; the recipe's own without it. */
  suite: z
    .string()
    .regex(/^[a-z]+(-[a-z]+)*$/, 'is no suite of Debian')
    .meta({ title: 'a suite of Debian', examples: ['bookworm-backports'] })
    .optional(),
})

/** A kernel built elsewhere. */
const ownKernel = z.strictObject({
  /** The file that boots (bzImage, Image), relative to the recipe. */
  path: z.string().min(1),
  /** The folder lib/modules/RELEASE that belongs to it, relative to the recipe; needed when `modules` names any. */
  modules: z.string().min(1).optional(),
})

const program = z.strictObject({
  package: packageName,
  /** Where the package has it, and where it goes in the initramfs. Its libraries come along. */
  path: absolutePath,
})

const recipeSchema = z
  .strictObject({
    /** The name that a board descriptor's `image` uses; the name of the file without .yaml. */
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9._-]*$/, 'has to be made of small letters, digits, ".", "_" and "-"')
      .meta({ title: 'the name of the recipe', examples: ['bookworm-cloud-amd64'] }),
    arch: archSchema,
    /** Codename of the Debian release that packages come from. */
    suite: z
      .string()
      .regex(/^[a-z]+$/, 'is no codename of a Debian release')
      .meta({ title: 'the codename of a Debian release', examples: ['bookworm'] }),
    /** false leaves out the archives with the release's updates, which mirrors drop after its support ended. */
    updates: z.boolean().optional(),
    kernel: z.union([packagedKernel, ownKernel]),
    initramfs: z.strictObject({
      /** Programs to take from packages. The guest's scripts need busybox-static's /bin/busybox, kexec and dash. */
      programs: z.array(program).min(1),
      /** Packages that go in whole, but for their documentation; their own scripts don't run. An init in them is started. */
      packages: z.array(packageName).min(1).optional(),
      /** Kernel modules that init loads, by name; what they depend on comes along and is loaded before them. */
      modules: z.array(z.string().regex(/^[\w-]+$/, 'is no name of a kernel module')).default([]),
    }),
  })
  .meta({ title: 'image recipe' })

export type Recipe = z.infer<typeof recipeSchema>

/** The recipe's file: a path stays one, a name is looked up in images/. Throws UsageError with the nearest name. */
export async function findRecipe(nameOrPath: string): Promise<string> {
  if (nameOrPath.includes('/') || /\.ya?ml$/.test(nameOrPath)) return path.resolve(nameOrPath)
  const names = await recipeNames()
  if (names.includes(nameOrPath)) return path.join(recipeFolder, `${nameOrPath}.yaml`)
  throw new UsageError(`there is no image recipe "${nameOrPath}"${didYouMean(nameOrPath, names)}`, {
    hint: `In images/ there is: ${names.join(', ')}. A recipe elsewhere is given as a path: ./my-recipe.yaml`,
  })
}

/** Names of the recipes that the project brings, sorted. */
export async function recipeNames(): Promise<string[]> {
  const files = await readdir(recipeFolder)
  return files
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => name.slice(0, -'.yaml'.length))
    .sort()
}

/** Reads and checks a recipe. Throws UsageError with file, line and column of every mistake. */
export async function readRecipe(file: string): Promise<Recipe> {
  const recipe = await parseYamlFile(file, recipeSchema)
  const named = path.basename(file).replace(/\.ya?ml$/, '')
  if (recipe.name !== named) {
    throw new UsageError(`${file}: name is "${recipe.name}", but the file is called ${path.basename(file)}`, {
      hint: `write "name: ${named}", or rename the file to ${recipe.name}.yaml`,
    })
  }
  return recipe
}
