/**
 * A host program without installing it: its packages and all they depend on, unpacked into the cache, started through
 * the C library's loader that came with them, so that nothing depends on the versions that the host has.
 */
import { createHash } from 'node:crypto'
import { chmod, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { LabError } from '../harness/errors.ts'
import { Apt } from './apt.ts'
import { hostArch } from './apt-install.ts'
import { hostRelease, lastLine } from './apt-sources.ts'
import { exists, inCache, publishFolder, withLock } from './cache.ts'
import { unpackDeb } from './deb-store.ts'
import { readElf } from './elf.ts'
import type { Watch } from './progress.ts'

type Wanted = { program: string; packages: readonly string[] }
type Unpacked = { path: string; env: Record<string, string>; extraArgs: string[] }

/** Raised when a program is unpacked in another way. */
const format = 1

/** Folders that QEMU looks for firmware in: Debian has it in three packages. */
const firmwareFolders = ['usr/share/qemu', 'usr/share/seabios', 'usr/lib/ipxe/qemu']
/** Folder below lib that holds an architecture's libraries. */
export const triplets = { amd64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }

/** The program if it was unpacked before. */
export async function findUnpacked(cache: string, wanted: Wanted): Promise<Unpacked | undefined> {
  const folder = folderOf(cache, wanted)
  return (await exists(path.join(folder, 'bin', wanted.program))) ? await describe(folder, wanted) : undefined
}

/** Unpacks a program. Throws LabError: no apt, no mirror, disk full, or it does not run. */
export async function unpackProgram({
  cache,
  progress,
  signal,
  ...wanted
}: Wanted & Watch & { cache: string }): Promise<Unpacked> {
  const watch = { ...(progress ? { progress } : {}), ...(signal ? { signal } : {}) }
  const folder = folderOf(cache, wanted)
  return await withLock(cache, path.basename(folder), watch, async () => {
    await publishFolder(cache, folder, async (temporary) => {
      const { codename } = await hostRelease()
      const arch = hostArch()
      const apt = new Apt({ ...watch, cache, suite: codename, arch })
      await apt.refresh()
      const debs = await apt.closure(wanted.packages)
      const files = await apt.fetch(debs)
      progress?.(`unpack ${wanted.packages.join(' ')} and what they depend on (${files.length} packages)`)
      for (const file of files) await unpackDeb(file, path.join(temporary, 'root'), { cache, signal })
      await writeLauncher(temporary, wanted, arch)
      await mustRun(await describe(temporary, wanted), signal)
    })
    return await describe(folder, wanted)
  })
}

/** The name depends on what was asked for and on the host's release, so that an upgraded host gets new programs. */
function folderOf(cache: string, { program, packages }: Wanted): string {
  const key = createHash('sha256').update(JSON.stringify([format, packages, process.arch]))
  return inCache(cache, 'host', `${program}-${key.digest('hex').slice(0, 12)}`)
}

async function describe(folder: string, { program }: Wanted): Promise<Unpacked> {
  const data = firmwareFolders.map((name) => path.join(folder, 'root', name))
  const there = await Promise.all(data.map(exists))
  const isQemu = program.startsWith('qemu-system-')
  const firmware = isQemu ? data.filter((_, index) => there[index]) : []
  return {
    path: path.join(folder, 'bin', program),
    // QEMU looks for its own modules, TCG among them, where the package would have put them.
    env: isQemu ? { QEMU_MODULE_DIR: path.join(folder, 'root/usr/lib', triplets[hostArch()], 'qemu') } : {},
    extraArgs: firmware.flatMap((one) => ['-L', one]),
  }
}

/** A script in `bin` that starts the program through the unpacked loader; it finds itself, so the cache can be moved. */
async function writeLauncher(
  temporary: string,
  { program, packages }: Wanted,
  arch: keyof typeof triplets,
): Promise<void> {
  const root = path.join(temporary, 'root')
  const places = ['usr/bin', 'bin', 'usr/sbin', 'sbin'].map((name) => `${name}/${program}`)
  const found = (await Promise.all(places.map((place) => exists(path.join(root, place))))).indexOf(true)
  if (found === -1) {
    throw new LabError(`none of the packages ${packages.join(', ')} has the program ${program}`)
  }
  const place = places[found]!
  const { interpreter } = readElf(await readFile(path.join(root, place)), program)
  if (interpreter === null)
    throw new LabError(`${place} in ${packages.join(', ')} is linked in a way that is not known here`)
  const libraries = await libraryFolders(root, triplets[arch])
  const loader = await loaderIn(root, interpreter, libraries)
  const lines = [
    '#!/bin/sh',
    '# Written by images/unpacked-program.ts.',
    'here=$(dirname "$(readlink -f "$0")")/../root',
    `exec "$here/${loader}" --library-path "${libraries.map((one) => `$here/${one}`).join(':')}" "$here/${place}" "$@"`,
    '',
  ]
  await mkdir(path.join(temporary, 'bin'))
  const launcher = path.join(temporary, 'bin', program)
  await writeFile(launcher, lines.join('\n'))
  await chmod(launcher, 0o755)
}

/** The loader itself; the name in the program is a link, on some releases an absolute one that leads to the host's. */
export async function loaderIn(
  root: string,
  interpreter: string,
  folders: readonly string[],
): Promise<string> {
  const name = path.basename(interpreter)
  for (const folder of folders) {
    const file = path.join(folder, name)
    if ((await lstat(path.join(root, file)).catch(() => undefined))?.isFile()) return file
  }
  throw new LabError(`the packages do not have the loader ${interpreter}`)
}

/** Folders with libraries, and those one level below, such as pulseaudio's. */
export async function libraryFolders(root: string, triplet: string): Promise<string[]> {
  const found: string[] = []
  for (const base of ['lib', 'usr/lib', `lib/${triplet}`, `usr/lib/${triplet}`]) {
    const entries = await readdir(path.join(root, base), { withFileTypes: true }).catch(() => [])
    const below = entries.filter((entry) => entry.isDirectory()).map((entry) => path.join(base, entry.name))
    for (const folder of [base, ...below]) {
      const names = await readdir(path.join(root, folder)).catch(() => [])
      if (names.some((name) => /^(lib|ld-).*\.so/.test(name)) && !found.includes(folder)) found.push(folder)
    }
  }
  return found
}

/** What QEMU needs to emulate a machine is loaded only when it does; an empty one shows it. */
const emptyMachine = ['-machine', 'none,accel=tcg', '-nodefaults', '-display', 'none', '-monitor', 'stdio']

/** What the C library's loader says when it can't put a program together. */
const loaderFailure =
  /error while loading shared libraries|symbol lookup error|version `[^']{1,100}' not found/

/**
 * A program that does not even start is no help. Not every program knows --version, and one that refuses it with its
 * usage does start: only the loader's own words, a signal or a time-out say that it doesn't. QEMU must end well.
 */
async function mustRun(
  { path: file, env, extraArgs }: Unpacked,
  signal: AbortSignal | undefined,
): Promise<void> {
  const name = path.basename(file)
  const isQemu = name.startsWith('qemu-system-')
  const result = await execa(file, isQemu ? [...extraArgs, ...emptyMachine] : ['--version'], {
    reject: false,
    input: isQemu ? 'quit\n' : '',
    timeout: 60_000,
    env: { LC_ALL: 'C', ...env },
    ...(signal ? { cancelSignal: signal } : {}),
  })
  signal?.throwIfAborted()
  const refused = !isQemu && typeof result.exitCode === 'number' && !loaderFailure.test(result.stderr)
  if (!result.failed || refused) return
  throw new LabError(
    `${name} was unpacked but does not run: ${lastLine(result.stderr) ?? result.shortMessage}`,
  )
}
