/**
 * What builds a kernel module: the compiler that Debian built the kernel with and the kernel's own tools, unpacked from
 * packages and started through the C library's loader that comes with them. So neither the host's compiler nor its
 * release counts, nothing is installed, and no root is needed.
 */
import { chmod, open, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { HarnessError, LabError } from '../harness/errors.ts'
import { type Apt, debArch } from './apt.ts'
import { hostArch } from './apt-install.ts'
import { exists } from './cache.ts'
import { unpackDeb } from './deb-store.ts'
import { isElf, readElf } from './elf.ts'
import type { Image } from './image-schema.ts'

/** This host can't build fault modules; the message says why. What needs them is skipped with that reason. */
export class FaultUnavailable extends LabError {}

/** Debian's names of an architecture: of its packages, and of GNU programs for it. */
const names = {
  x86_64: { gnu: 'x86_64-linux-gnu', package: 'x86-64-linux-gnu' },
  arm64: { gnu: 'aarch64-linux-gnu', package: 'aarch64-linux-gnu' },
  ppc64le: { gnu: 'powerpc64le-linux-gnu', package: 'powerpc64le-linux-gnu' },
} as const

/** Prefix of the compiler's programs: `aarch64-linux-gnu-`. */
export function crossPrefix(arch: Image['arch']): string {
  return `${names[arch].gnu}-`
}

/** Does something that only this host's own lacks make fail, which is then told as a FaultUnavailable. */
export async function orUnavailable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof HarnessError)) throw cause
    const hint = cause.hint === undefined ? {} : { hint: cause.hint }
    throw new FaultUnavailable(`fault modules can't be built here: ${cause.message}`, { ...hint, cause })
  }
}

function isHost(arch: Image['arch']): boolean {
  return hostArch() === debArch[arch]
}

/** The package with GCC of that major version for modules of `arch`: gcc-12, or gcc-12-aarch64-linux-gnu to cross-build. */
function compilerPackage(version: number, arch: Image['arch']): string {
  return isHost(arch) ? `gcc-${version}` : `gcc-${version}-${names[arch].package}`
}

export type Toolchain = {
  /** Path of the compiler. */
  compiler: string
  /** Where the programs are, for PATH. */
  programs: string
}

type Wanted = {
  /** Package lists of the kernel's suite, for the host's architecture. */
  apt: Apt
  arch: Image['arch']
  /** Major version of GCC. */
  gcc: number
  /** linux-kbuild-…: fixdep, modpost, objtool. */
  kbuild: string
}

/** Libraries that a compiler has for the programs it makes; a kernel module uses none. */
const notNeeded =
  /^(libc6-dev|linux-libc-dev|lib(a|hwa|l|t|ub)san\d|libgomp|libitm|libatomic|libquadmath|libcc1|libcrypt|libnsl|libtirpc|rpcsvc|libc-dev|libstdc)/

/** Unpacks all of it into `root`. Throws FaultUnavailable when the archive lacks it, LabError as Apt and unpackDeb do. */
export async function unpackToolchain(
  { apt, arch, gcc, kbuild }: Wanted,
  root: string,
  options: { cache: string; signal?: AbortSignal | undefined },
): Promise<Toolchain> {
  const debs = await orUnavailable(() => apt.closure([kbuild, compilerPackage(gcc, arch)]))
  const needed = debs.filter(({ name }) => !notNeeded.test(name))
  for (const file of await apt.fetch(needed)) await unpackDeb(file, root, options)
  await startThroughLoader(root)
  const programs = path.join(root, 'usr/bin')
  return { compiler: path.join(programs, `${crossPrefix(arch)}gcc-${gcc}`), programs }
}

/** Puts a script in the place of every program, which starts it with the libraries that were unpacked with it. */
async function startThroughLoader(root: string): Promise<void> {
  const { gnu } = isHost('arm64') ? names.arm64 : names.x86_64
  const libraries = [`lib/${gnu}`, `usr/lib/${gnu}`].map((folder) => path.join(root, folder))
  const loader = await findLoader(libraries)
  for (const file of await dynamicPrograms(root)) {
    const real = `${file}.program`
    await rename(file, real)
    const start = `exec "${loader}" --library-path "${libraries.join(':')}" "${real}" "$@"`
    await writeFile(file, `#!/bin/sh\n${start}\n`)
    await chmod(file, 0o755)
    // Debian's modpost and objtool start the one for the kernel's architecture: their own name with .real-… behind it.
    const [, name, ending] = /^(.*)(\.real-.*)$/.exec(path.basename(file)) ?? []
    if (ending !== undefined)
      await symlink(path.basename(file), path.join(path.dirname(file), `${name}.program${ending}`))
  }
}

async function findLoader(folders: readonly string[]): Promise<string> {
  for (const folder of folders) {
    const files = await readdir(folder).catch(() => [])
    const loader = files.find((file) => /^ld-linux-.*\.so\.\d$/.test(file))
    if (loader && (await exists(path.join(folder, loader)))) return path.join(folder, loader)
  }
  throw new FaultUnavailable('the packages of the compiler came without a loader of the C library')
}

/** Programs that need a loader; the C library and the loader itself look like one, too. */
async function dynamicPrograms(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const found: string[] = []
  for (const entry of entries) {
    const file = path.join(entry.parentPath, entry.name)
    if (!entry.isFile() || /\.(so|h|o|a)\b/.test(entry.name) || !(await startsAsElf(file))) continue
    if (readElf(await readFile(file), entry.name).interpreter === null) continue
    found.push(file)
  }
  return found
}

async function startsAsElf(file: string): Promise<boolean> {
  await using handle = await open(file)
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0)
  return bytesRead === 64 && isElf(buffer)
}
