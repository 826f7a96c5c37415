/** From a recipe to an image's files: packages, kernel, initramfs, payload disk. */
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { UsageError } from '../harness/errors.ts'
import { didYouMean } from '../harness/nearest.ts'
import { Apt } from './apt.ts'
import { withTemporaryFolder } from './cache.ts'
import type { Deb } from './control.ts'
import { sha256OfFile, unpackDeb } from './deb-store.ts'
import type { Image } from './image-schema.ts'
import { type GuestScript, initramfsEntries, writeInitramfs, writePayloadDisk } from './initramfs.ts'
import { inspectKernel } from './kernel-file.ts'
import { type Binary, collectLibraries, readInside } from './libraries.ts'
import { collectModules } from './modules.ts'
import { writeWithOverlay } from './overlay.ts'
import type { Watch } from './progress.ts'
import type { Recipe } from './recipe.ts'

type InCache = Watch & { cache: string }

/** What a recipe came to: everything that decides the image's bytes, looked up and named. */
export type Inputs = {
  apt: Apt
  /** undefined for a kernel that is a path. */
  kernelPackage: Deb | undefined
  /** Absolute path, undefined for a kernel from a package. */
  kernelPath: string | undefined
  modulesFolder: string | undefined
  programPackages: Deb[]
  /** The programs' packages and all they depend on: libraries are looked for there. */
  closure: Deb[]
  /** Hashes of all of these. */
  identity: string[]
}

const debArch = { x86_64: 'amd64', arm64: 'arm64' } as const

/** Looks up the packages that a recipe names. Throws as Apt does, UsageError for a kernel path that is not there. */
export async function gatherInputs(
  recipe: Recipe,
  recipePath: string,
  options: InCache & { update?: boolean },
): Promise<Inputs> {
  const { suite, arch, kernel, initramfs } = recipe
  const apt = new Apt({ ...options, suite, arch: debArch[arch] })
  await apt.refresh({ force: options.update ?? false })
  const kernelPackage = 'package' in kernel ? await findKernelPackage(apt, kernel.package) : undefined
  const own = 'path' in kernel ? kernel : undefined
  const beside = (name: string | undefined) => name && path.resolve(path.dirname(recipePath), name)
  const kernelPath = beside(own?.path)
  const names = [...new Set(initramfs.programs.map((program) => program.package))]
  const programPackages = await Promise.all(names.map((name) => apt.find(name)))
  const closure = await apt.closure(names)
  if (own && initramfs.modules.length > 0 && own.modules === undefined) {
    throw new UsageError(
      `${recipePath}: initramfs.modules needs kernel.modules, the folder lib/modules/RELEASE`,
    )
  }
  const identity = [...(kernelPackage ? [kernelPackage] : []), ...closure]
    .map(({ sha256 }) => sha256)
    .sort((a, b) => (a < b ? -1 : 1))
  if (kernelPath) {
    await inspectKernel(kernelPath, { arch })
    identity.push(await sha256OfFile(kernelPath))
  }
  return {
    apt,
    kernelPackage,
    kernelPath,
    modulesFolder: beside(own?.modules),
    programPackages,
    closure,
    identity,
  }
}

/** The package with the kernel itself: a meta package's newest dependency that the archive has. */
async function findKernelPackage(apt: Apt, name: string): Promise<Deb> {
  const newest = await apt.find(name)
  const images = ({ depends }: Deb) => depends.filter((one) => /^linux-(image|binary)-\d/.test(one))
  if (images(newest).length === 0) return newest
  // A mirror that is being updated can have a meta package before the kernel it asks for.
  for (const meta of await apt.versions(name)) {
    for (const image of images(meta)) {
      const [found] = await apt.versions(image)
      if (found) return found
    }
  }
  throw new UsageError(`none of the kernels that ${name} depends on is in the archive`)
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
    const { programs, libraries, used } = await provideBinaries(assembly, path.join(temporary, 'root'))
    watch.progress?.(`build the initramfs of ${recipe.name}`)
    const modules = kernel.modules ? await collectModules(kernel.modules, recipe.initramfs.modules) : []
    const moduleRelease = kernel.modules ? path.basename(kernel.modules) : null
    const entries = initramfsEntries({
      scripts: assembly.scripts,
      programs,
      libraries,
      modules,
      release: moduleRelease,
    })
    await writeInitramfs(entries, path.join(folder, 'base'), watch.signal)
    await keepTools(programs, libraries, path.join(folder, 'tools'))
    const disk = await writePayload(folder, kernel.modules !== undefined, assembly)
    const packages = [...(assembly.inputs.kernelPackage ? [assembly.inputs.kernelPackage] : []), ...used]
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
      return { name: `lib/${base.startsWith('ld-') ? 'ld.so' : base}`, content }
    }),
  ]
  await mkdir(path.join(folder, 'bin'), { recursive: true })
  await mkdir(path.join(folder, 'lib'), { recursive: true })
  for (const { name, content } of tools) await writeFile(path.join(folder, name), content, { mode: 0o755 })
}

/** The kernel's file and its folder of modules. */
async function provideKernel(
  { inputs, cache, watch }: Assembly,
  folder: string,
): Promise<{ path: string; modules: string | undefined }> {
  if (inputs.kernelPath) return { path: inputs.kernelPath, modules: inputs.modulesFolder }
  const deb = inputs.kernelPackage!
  const [file] = await inputs.apt.fetch([deb])
  watch.progress?.(`unpack ${deb.name}`)
  await unpackDeb(file!, folder, { cache, signal: watch.signal })
  // The kernel is in /boot, or, in Debian from 2026 on, beside its modules.
  const modulesRoot = path.join(folder, 'lib/modules')
  const release = (await list(modulesRoot))[0] ?? (await list(path.join(folder, 'usr/lib/modules')))[0]
  const boot = (await list(path.join(folder, 'boot'))).find((name) => /^vmlinu[xz]-/.test(name))
  const modules = [modulesRoot, path.join(folder, 'usr/lib/modules')].map((root) =>
    path.join(root, release ?? ''),
  )
  const existing = release ? await firstFolder(modules) : undefined
  if (boot) return { path: path.join(folder, 'boot', boot), modules: existing }
  if (existing && (await list(existing)).includes('vmlinuz')) {
    return { path: path.join(existing, 'vmlinuz'), modules: existing }
  }
  throw new UsageError(`the package ${deb.name} holds no kernel (no boot/vmlinuz-…)`, {
    hint: 'kernel.package in the recipe has to be a linux-image-… package',
  })
}

async function list(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort()
}

async function firstFolder(folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) if ((await list(folder)).length > 0) return folder
  return undefined
}

/** The recipe's programs with their libraries, and the packages that they came from. */
async function provideBinaries(
  { recipe, inputs, cache, watch }: Assembly,
  root: string,
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
  const candidates = inputs.closure.filter((deb) => !inputs.programPackages.includes(deb))
  const libraries = await collectLibraries(programs, recipe.arch, { candidates, unpack, root })
  return { programs, libraries, used: used.sort((a, b) => (a.name < b.name ? -1 : 1)) }
}

async function programMissing(name: string, wanted: string, root: string): Promise<UsageError> {
  const folders = ['bin', 'sbin', 'usr/bin', 'usr/sbin']
  const there = await Promise.all(
    folders.map(async (folder) => (await list(path.join(root, folder))).map((file) => `/${folder}/${file}`)),
  )
  return new UsageError(`the package ${name} has no ${wanted}${didYouMean(wanted, there.flat())}`)
}
