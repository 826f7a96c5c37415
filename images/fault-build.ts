/** Builds the fault modules for the kernel of an image, out of tree, against Debian's headers of that very kernel. */
import { copyFile, cp, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { LabError, UsageError } from '../harness/errors.ts'
import { Apt, debArch } from './apt.ts'
import { hostArch } from './apt-install.ts'
import { withTemporaryFolder } from './cache.ts'
import type { Deb } from './control.ts'
import { unpackDeb } from './deb-store.ts'
import { readSection } from './elf.ts'
import {
  crossPrefix,
  FaultUnavailable,
  orUnavailable,
  type Toolchain,
  unpackToolchain,
} from './fault-toolchain.ts'
import { ensureProgram } from './host-packages.ts'
import type { Image } from './image-schema.ts'
import type { Watch } from './progress.ts'
import { findRecipe, type Recipe, readRecipe } from './recipe.ts'

/** The modules' sources. */
export const sourceFolder = path.join(import.meta.dirname, 'faults')

/** A kernel as Debian built it. */
export type DebianKernel = { release: string; version: string; arch: Image['arch'] }

type Options = Watch & { cache: string }

/** The image's kernel. Throws UsageError when it is none of Debian's, for which there are no headers. */
export function debianKernel({ name, kernelRelease, packages, arch }: Image): DebianKernel {
  const hint = 'fault modules are built against the headers of a Debian kernel: use an image of a recipe'
  if (kernelRelease === null)
    throw new UsageError(`${name}: its kernel does not say which release it is`, { hint })
  const holder = packages.find((one) => /^linux-(image|binary)-/.test(one.name))
  if (!holder?.name.includes(kernelRelease))
    throw new UsageError(`${name}: kernel ${kernelRelease} is not one of Debian's`, { hint })
  return { release: kernelRelease, version: holder.version, arch }
}

/**
 * Builds every fault module for a kernel into `folder`.
 * Throws UsageError when the archive no longer has its headers, FaultUnavailable when this host can't build modules,
 * LabError for what else the host lacks.
 */
export async function buildModules(
  image: Image,
  kernel: DebianKernel,
  folder: string,
  options: Options,
): Promise<void> {
  const { cache, progress } = options
  await withTemporaryFolder(cache, async (temporary) => {
    const { headers, toolchain } = await provideTools(image, kernel, temporary, options)
    progress?.(`build fault modules for kernel ${kernel.release}`)
    const sources = path.join(temporary, 'faults')
    await cp(sourceFolder, sources, { recursive: true })
    await make(headers, sources, { toolchain, kernel, ...options })
    const modules = (await readdir(sources)).filter((file) => file.endsWith('.ko'))
    for (const file of modules) await copyFile(path.join(sources, file), path.join(folder, file))
  })
}

/** Throws UsageError when a module is for another kernel, which would refuse it. Source: modinfo(8), vermagic. */
export function checkModule(content: Buffer, file: string, release: string): void {
  const entries = readSection(content, '.modinfo', file)?.toString('latin1').split('\0') ?? []
  const vermagic = entries.find((entry) => entry.startsWith('vermagic='))?.slice('vermagic='.length)
  const built = vermagic?.split(' ')[0]
  if (built === release) return
  throw new UsageError(
    built === undefined
      ? `${file}: is no kernel module: it does not say for which kernel it is`
      : `${file}: is a module for kernel ${built}, the image's kernel is ${release}`,
    { hint: `build it again: rm -r ${path.dirname(file)}` },
  )
}

/** Unpacks the kernel's headers and what builds with them, each in a folder of its own below `temporary`. */
async function provideTools(
  image: Image,
  kernel: DebianKernel,
  temporary: string,
  options: Options,
): Promise<{ headers: string; toolchain: Toolchain }> {
  const { cache, signal, progress } = options
  const { suite, updates } = await readRecipe(await findRecipe(image.name.replace(/ with .*/, '')))
  const target = new Apt({ ...options, suite, updates, arch: debArch[kernel.arch] })
  const debs = await findHeaders(target, kernel)
  const depends = debs[0]!.depends
  const kbuild = depends.find((one) => one.startsWith('linux-kbuild-'))
  const gcc = Number(depends.map((one) => /(?:^|-)gcc-(\d+)/.exec(one)?.[1]).find(Boolean))
  if (kbuild === undefined || Number.isNaN(gcc)) {
    throw new FaultUnavailable(`${debs[0]!.name} does not say what it is built with: ${depends.join(', ')}`)
  }
  const host = await orUnavailable(() => hostApt({ suite, updates }, options))
  const toolRoot = path.join(temporary, 'tools')
  const toolchain = await unpackToolchain({ apt: host, arch: kernel.arch, gcc, kbuild }, toolRoot, options)
  progress?.(`unpack the headers of kernel ${kernel.release}`)
  const headerRoot = path.join(temporary, 'headers')
  for (const file of await target.fetch(debs)) await unpackDeb(file, headerRoot, { cache, signal })
  await cp(path.join(toolRoot, 'usr/lib', kbuild), path.join(headerRoot, 'usr/lib', kbuild), {
    recursive: true,
    verbatimSymlinks: true,
  })
  return { headers: await relocateHeaders(headerRoot, kernel.release), toolchain }
}

/** Package lists of the kernel's suite for this host. */
async function hostApt(archive: Pick<Recipe, 'suite' | 'updates'>, options: Options): Promise<Apt> {
  const apt = new Apt({ ...options, ...archive, arch: hostArch() })
  await apt.refresh()
  return apt
}

/** The two packages with the headers of exactly this kernel, its own first. */
async function findHeaders(apt: Apt, { release, version }: DebianKernel): Promise<Deb[]> {
  await apt.refresh()
  const exact = async (name: string) => (await apt.versions(name)).find((deb) => deb.version === version)
  const name = `linux-headers-${release}`
  const own = await exact(name)
  const common = own?.depends.find((one) => /^linux-headers-.*-common/.test(one))
  const shared = common && (await exact(common))
  if (own && shared) return [own, shared]
  throw new UsageError(`the archive no longer has the headers of kernel ${release} (${name} ${version})`, {
    hint: 'build the image with the newest kernel: npm run images -- --update',
  })
}

/** The headers expect to be in /usr/src: their Makefile names it. Returns the folder that make is called in. */
async function relocateHeaders(root: string, release: string): Promise<string> {
  const headers = path.join(root, 'usr/src', `linux-headers-${release}`)
  const makefile = path.join(headers, 'Makefile')
  const text = await readFile(makefile, 'utf8')
  await writeFile(makefile, text.replaceAll('/usr/src/', `${root}/usr/src/`))
  return headers
}

type Build = { toolchain: Toolchain; kernel: DebianKernel } & Options

async function make(headers: string, sources: string, build: Build): Promise<void> {
  const { toolchain, kernel, cache, progress, signal } = build
  const watch = { ...(progress ? { progress } : {}), ...(signal ? { signal } : {}) }
  const program = await orUnavailable(() =>
    ensureProgram({ program: 'make', packages: ['make'], cache, ...watch }),
  )
  const variables = {
    M: sources,
    CROSS_COMPILE: crossPrefix(kernel.arch),
    CC: toolchain.compiler,
    // Debug information would hold the paths of this machine.
    KCFLAGS: '-g0',
    // BTF is made of it.
    CONFIG_DEBUG_INFO_BTF_MODULES: '',
  }
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  const result = await execa(program.path, ['-C', headers, '-j2', ...settings, 'modules'], {
    reject: false,
    all: true,
    stdin: 'ignore',
    // Nothing of the user's environment may choose another compiler or other flags.
    extendEnv: false,
    env: { LC_ALL: 'C', PATH: `${toolchain.programs}:/usr/bin:/bin`, ...program.env },
    ...(signal ? { cancelSignal: signal } : {}),
  })
  signal?.throwIfAborted()
  if (!result.failed) return
  const why = complaint(result.all) || result.shortMessage
  throw new LabError(`the fault modules can't be built for kernel ${kernel.release}: ${why}`, {
    cause: new Error(result.all),
  })
}

/** The compiler's first error; else what make complains of, with the line before it, which explains it. */
function complaint(output: string): string {
  const said = output.split('\n').filter((line) => !line.startsWith('make: '))
  const failed = said.findIndex((line) => line.includes('***'))
  return (
    said.find((line) => /\berror:/i.test(line)) ?? said.slice(Math.max(0, failed - 1), failed + 1).join(' ')
  )
}
