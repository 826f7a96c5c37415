/** The libraries that programs need, found by following the NEEDED entries of their ELF files. */
import { lstat, readFile, readlink } from 'node:fs/promises'
import path from 'node:path'
import { UsageError } from '../harness/errors.ts'
import type { Deb } from './control.ts'
import { type ElfInfo, readElf } from './elf.ts'

/** A program or library as it goes into an initramfs. */
export type Binary = { name: string; content: Buffer }

export type LibrarySource = {
  /** Packages that may hold the libraries, nearest dependency first. */
  candidates: readonly Deb[]
  /** Unpacks one of them below `root`. */
  unpack: (debs: readonly Deb[]) => Promise<void>
  /** Folder that everything is unpacked into. */
  root: string
  /** Names of files that are there already, where their programs find them. */
  provided?: ReadonlySet<string>
}

/** Where Debian keeps libraries, in the order in which ld.so looks. */
const multiarch: Record<string, string> = {
  x86_64: 'x86_64-linux-gnu',
  arm64: 'aarch64-linux-gnu',
  ppc64le: 'powerpc64le-linux-gnu',
}

/** Whether a file is the C library's program loader: ld-linux-x86-64.so.2, ld-linux-aarch64.so.1; ld64.so.2 on ppc64le. */
export function isProgramLoader(name: string): boolean {
  return /^ld(-.*|64)\.so\.\d+$/.test(name)
}

/**
 * The libraries that the programs need, and their ELF interpreter, each under the path that ld.so finds it by.
 * Packages are unpacked one by one, the likeliest first, until every name is found.
 * Throws UsageError: a program is of another architecture or a library is in no package.
 */
export async function collectLibraries(
  programs: readonly Binary[],
  arch: string,
  source: LibrarySource,
): Promise<Binary[]> {
  const found = new Map<string, Binary>()
  const queue = programs.map(({ name, content }) => ({ name, elf: readElf(content, name) }))
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { name, elf } = next
    if (elf.arch !== arch) throw new UsageError(`${name} is for ${elf.arch}, the recipe for ${arch}`)
    const wanted = requirements(elf).filter((library) => !source.provided?.has(path.basename(library)))
    await unpackLikeliest(wanted, arch, source)
    for (const library of wanted) {
      if (found.has(path.basename(library))) continue
      const binary = await locate(library, arch, source)
      if (!binary) throw new UsageError(`${name} needs ${library}, which no package that it depends on has`)
      found.set(path.basename(library), binary)
      queue.push({ name: library, elf: readElf(binary.content, library) })
    }
  }
  return [...found.values()]
}

function requirements({ interpreter, needed }: ElfInfo): string[] {
  return interpreter === null ? needed : [interpreter, ...needed]
}

/** One download instead of one for each library: for every missing name the package that most likely has it. */
async function unpackLikeliest(
  names: readonly string[],
  arch: string,
  { candidates, unpack, root }: LibrarySource,
): Promise<void> {
  const there = await Promise.all(names.map((name) => read(name, arch, root)))
  const missing = names.filter((_, index) => !there[index])
  const likeliest = missing.flatMap((name) => byLikeness(name, candidates).slice(0, 1))
  await unpack([...new Set(likeliest)])
}

async function locate(
  library: string,
  arch: string,
  { candidates, unpack, root }: LibrarySource,
): Promise<Binary | undefined> {
  const here = await read(library, arch, root)
  if (here) return here
  for (const deb of byLikeness(library, candidates)) {
    await unpack([deb])
    const binary = await read(library, arch, root)
    if (binary) return binary
  }
  return undefined
}

async function read(library: string, arch: string, root: string): Promise<Binary | undefined> {
  const triplet = multiarch[arch] ?? arch
  const folders = [`lib/${triplet}`, `usr/lib/${triplet}`, 'lib', 'usr/lib', 'lib64', 'usr/lib64']
  const names = library.startsWith('/')
    ? [library.slice(1), `usr${library}`]
    : folders.map((folder) => `${folder}/${library}`)
  for (const name of names) {
    const content = await readInside(root, name)
    // The interpreter is run by its full path, libraries are looked up by name.
    if (content)
      return { name: library.startsWith('/') ? library.slice(1) : `lib/${triplet}/${library}`, content }
  }
  return undefined
}

/** Reads a file below `root`, with links resolved as if root were /. */
export async function readInside(root: string, name: string, depth = 0): Promise<Buffer | undefined> {
  if (depth > 20) return undefined
  let current = ''
  const parts = path.normalize(`/${name}`).split('/').slice(1)
  for (const [index, part] of parts.entries()) {
    const at = `${current}/${part}`
    const info = await lstat(path.join(root, at)).catch(() => undefined)
    if (!info) return undefined
    if (info.isSymbolicLink()) {
      const target = path.resolve(`/${current}`, await readlink(path.join(root, at)))
      return await readInside(root, path.join(target, ...parts.slice(index + 1)), depth + 1)
    }
    current = at
  }
  const info = await lstat(path.join(root, current))
  return info.isFile() ? await readFile(path.join(root, current)) : undefined
}

/** Packages sorted by how much their name is like the library's: libxenctrl.so.4.17 and libxenctrl4.17, libc.so.6 and libc6. */
function byLikeness(library: string, candidates: readonly Deb[]): Deb[] {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  const base = path.basename(library)
  const wanted = isProgramLoader(base) ? 'libc6' : plain(base.replace('.so', ''))
  const score = ({ name, section }: Deb) => {
    const shared = commonPrefix(plain(name), wanted)
    return shared * 2 + (section === 'libs' ? 1 : 0)
  }
  return [...candidates].sort((a, b) => score(b) - score(a))
}

function commonPrefix(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return length
}
