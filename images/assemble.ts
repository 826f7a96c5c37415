/** From a recipe to an image's files: packages, kernel, initramfs, payload disk. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { UsageError } from '../harness/errors.ts'
import { didYouMean } from '../harness/nearest.ts'
import { Apt, debArch, hasUpdates } from './apt.ts'
import { listFolder, withTemporaryFolder } from './cache.ts'
import type { Deb } from './control.ts'
import { sha256OfFile, unpackDeb } from './deb-store.ts'
import type { Image } from './image-schema.ts'
import { type GuestScript, initramfsEntries, writeInitramfs, writePayloadDisk } from './initramfs.ts'
import { inspectKernel } from './kernel-file.ts'
import { type Binary, collectLibraries, isProgramLoader, readInside } from './libraries.ts'
import { collectModules } from './modules.ts'
import { writeWithOverlay } from './overlay.ts'
import { findKernelFiles, findKernelPackages, type KernelFiles } from './packaged-kernel.ts'
import type { Watch } from './progress.ts'
import type { Recipe } from './recipe.ts'
import { readWholePackages, type WholePackages } from './whole-packages.ts'

type InCache = Watch & { cache: string }

/** What a recipe came to: everything that decides the image's bytes, looked up and named. */
export type Inputs = {
  apt: Apt
  /** Empty for a kernel that is a path. */
  kernelPackages: Deb[]
  /** Where these are: in the recipe's suite, or another one. */
  kernelApt: Apt
  /** Absolute path, undefined for a kernel from a package. */
  kernelPath: string | undefined
  modulesFolder: string | undefined
  programPackages: Deb[]
  /** Those that go in whole. */
  wholePackages: Deb[]
  /** The programs' packages and all they depend on: libraries are looked for there. */
  closure: Deb[]
  /** Hashes of all of these. */
  identity: string[]
}

/** Looks up the packages that a recipe names. Throws as Apt does, UsageError for a kernel path that is not there. */
export async function gatherInputs(
  recipe: Recipe,
  recipePath: string,
  options: InCache & { update?: boolean },
): Promise<Inputs> {
  const { suite, updates, arch, kernel, initramfs } = recipe
  const apt = new Apt({ ...options, suite, updates, arch: debArch[arch] })
  await apt.refresh({ force: options.update ?? false })
  const kernelApt = 'package' in kernel && kernel.suite ? await aptOf(kernel.suite, recipe, options) : apt
  const kernelPackages = 'package' in kernel ? await findKernelPackages(kernelApt, kernel.package) : []
  const own = 'path' in kernel ? kernel : undefined
  const beside = (name: string | undefined) => name && path.resolve(path.dirname(recipePath), name)
  const kernelPath = beside(own?.path)
  const names = [...new Set(initramfs.programs.map((program) => program.package))]
  const whole = initramfs.packages ?? []
  const programPackages = await Promise.all(names.map((name) => apt.find(name)))
  const wholePackages = await Promise.all(whole.map((name) => apt.find(name)))
  const closure = await apt.closure([...new Set([...names, ...whole])])
  if (own && initramfs.modules.length > 0 && own.modules === undefined) {
    throw new UsageError(
      `${recipePath}: initramfs.modules needs kernel.modules, the folder lib/modules/RELEASE`,
    )
  }
  const identity = [...kernelPackages, ...closure]
    .map(({ sha256 }) => sha256)
    .sort((a, b) => (a < b ? -1 : 1))
  if (kernelPath) {
    await inspectKernel(kernelPath, { arch })
    identity.push(await sha256OfFile(kernelPath))
  }
  return {
    apt,
    kernelPackages,
    kernelApt,
    kernelPath,
    modulesFolder: beside(own?.modules),
    programPackages,
    wholePackages,
    closure,
    identity,
  }
}

/** The packages of another suite than the recipe's; only a release has updates, not what is beside it. */
async function aptOf(suite: string, { arch }: Recipe, options: InCache & { update?: boolean }): Promise<Apt> {
  const apt = new Apt({ ...options, suite, updates: hasUpdates(suite), arch: debArch[arch] })
  await apt.refresh({ force: options.update ?? false })
  return apt
}

type Assembly = {
  recipe: Recipe
  key: string
  inputs: Inputs
  scripts: readonly GuestScript[]
  /** An empty folder that becomes the image. */
  folder: string
  cache: string
  watch: Watch
}

/** Fills the image's folder: kernel, base (the initramfs), payload.img, image.json. */
export async function assembleImage(assembly: Assembly): Promise<void> {
  const { cache, folder, recipe, key, watch } = assembly
  await withTemporaryFolder(cache, async (temporary) => {
    const kernel = await provideKernel(assembly, path.join(temporary, 'kernel'))
    await copyFile(kernel.path, path.join(folder, 'kernel'))
    const { release } = await inspectKernel(kernel.path, { arch: recipe.arch })
    const whole = await provideWhole(assembly, path.join(temporary, 'whole'))
    const { programs, libraries, used } = await provideBinaries(
      assembly,
      path.join(temporary, 'root'),
      whole.binaries,
    )
    watch.progress?.(`build the initramfs of ${recipe.name}`)
    const modules = kernel.modules ? await collectModules(kernel.modules, recipe.initramfs.modules) : []
    const moduleRelease = kernel.modules ? path.basename(kernel.modules) : null
    const entries = initramfsEntries({
      scripts: assembly.scripts,
      programs,
      libraries,
      modules,
      release: moduleRelease,
      whole: whole.entries,
    })
    await writeInitramfs(entries, path.join(folder, 'base'), watch.signal)
    await keepTools(programs, libraries, path.join(folder, 'tools'))
    const disk = await writePayload(folder, kernel.modules !== undefined, assembly)
    const packages = [...assembly.inputs.kernelPackages, ...assembly.inputs.wholePackages, ...used]
    const image: Image = {
      name: recipe.name,
      arch: recipe.arch,
      key,
      kernel: 'kernel',
      kernelRelease: release ?? moduleRelease,
      initramfs: disk === null ? 'initramfs' : 'base',
      payload: { disk },
      packages: packages.map(({ name, version, sha256 }) => ({ name, version, sha256 })),
    }
    await writeFile(path.join(folder, 'image.json'), `${JSON.stringify(image, null, 2)}\n`)
  })
}

/** Puts the kernel and the initramfs `base` where the guest finds them; returns the disk's name, null without one. */
async function writePayload(
  folder: string,
  hasModules: boolean,
  { scripts, watch }: Assembly,
): Promise<string | null> {
  if (hasModules) return await writePayloadDisk(folder, { kernel: 'kernel', initramfs: 'base' }, watch.signal)
  const [kernel, base] = ['kernel', 'base'].map((name) => path.join(folder, name)) as [string, string]
  await writeWithOverlay({ kernel, base, scripts }, path.join(folder, 'initramfs'), watch.signal)
  return null
}

/** Programs that an initramfs which was not made here needs to kexec; see overlay.ts. */
async function keepTools(
  programs: readonly Binary[],
  libraries: readonly Binary[],
  folder: string,
): Promise<void> {
  const named = (name: string) => programs.filter((program) => path.basename(program.name) === name)
  const tools = [
    ...named('busybox').map(({ content }) => ({ name: 'bin/busybox', content })),
    ...[...named('kexec'), ...libraries].map(({ name, content }) => {
      const base = path.basename(name)
      return { name: `lib/${isProgramLoader(base) ? 'ld.so' : base}`, content }
    }),
  ]
  await mkdir(path.join(folder, 'bin'), { recursive: true })
  await mkdir(path.join(folder, 'lib'), { recursive: true })
  for (const { name, content } of tools) await writeFile(path.join(folder, name), content, { mode: 0o755 })
}

/** The kernel's file and its folder of modules. */
async function provideKernel({ inputs, cache, watch }: Assembly, folder: string): Promise<KernelFiles> {
  if (inputs.kernelPath) return { path: inputs.kernelPath, modules: inputs.modulesFolder }
  const debs = inputs.kernelPackages
  const files = await inputs.kernelApt.fetch(debs)
  watch.progress?.(`unpack ${debs.map(({ name }) => name).join(' and ')}`)
  for (const file of files) await unpackDeb(file, folder, { cache, signal: watch.signal })
  return await findKernelFiles(folder, debs)
}

/** The files of the packages that go in whole. */
async function provideWhole(
  { recipe, inputs, cache, watch }: Assembly,
  folder: string,
): Promise<WholePackages> {
  await mkdir(folder, { recursive: true })
  for (const file of await inputs.apt.fetch(inputs.wholePackages))
    await unpackDeb(file, folder, { cache, signal: watch.signal })
  return await readWholePackages(folder, recipe.arch)
}

/** The recipe's programs with their libraries and those of `others`, and the packages that they came from. */
async function provideBinaries(
  { recipe, inputs, cache, watch }: Assembly,
  root: string,
  others: readonly Binary[],
): Promise<{ programs: Binary[]; libraries: Binary[]; used: Deb[] }> {
  const used: Deb[] = []
  await mkdir(root, { recursive: true })
  const unpack = async (debs: readonly Deb[]) => {
    const fresh = debs.filter((deb) => !used.includes(deb))
    for (const file of await inputs.apt.fetch(fresh))
      await unpackDeb(file, root, { cache, signal: watch.signal })
    used.push(...fresh)
  }
  await unpack(inputs.programPackages)
  const programs: Binary[] = []
  for (const { package: name, path: wanted } of recipe.initramfs.programs) {
    const content = (await readInside(root, wanted)) ?? (await readInside(root, `/usr${wanted}`))
    if (!content) throw await programMissing(name, wanted, root)
    programs.push({ name: wanted.slice(1), content })
  }
  const there = new Set([...inputs.programPackages, ...inputs.wholePackages].map(({ sha256 }) => sha256))
  const candidates = inputs.closure.filter(({ sha256 }) => !there.has(sha256))
  const provided = new Set(others.map(({ name }) => path.basename(name)))
  const all = [...programs, ...others]
  const libraries = await collectLibraries(all, recipe.arch, { candidates, unpack, root, provided })
  return { programs, libraries, used: used.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

async function programMissing(name: string, wanted: string, root: string): Promise<UsageError> {
  const folders = ['bin', 'sbin', 'usr/bin', 'usr/sbin']
  const there = await Promise.all(
    folders.map(async (folder) =>
      (await listFolder(path.join(root, folder))).map((file) => `/${folder}/${file}`),
    ),
  )
  return new UsageError(`the package ${name} has no ${wanted}${didYouMean(wanted, there.flat())}`)
}
