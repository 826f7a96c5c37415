/**
 * Python programs of any Debian suite, beside the host's own Python and without installing them: their packages, that
 * suite's Python among them, unpacked into the cache and started through the C library's loader that came with them.
 */
import { createHash } from 'node:crypto'
import { chmod, mkdir, readFile, readlink, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { LabError } from '../harness/errors.ts'
import { Apt } from './apt.ts'
import { hostArch } from './apt-install.ts'
import { lastLine } from './apt-sources.ts'
import { defaultCacheFolder, exists, inCache, publishFolder, withLock } from './cache.ts'
import { unpackDeb } from './deb-store.ts'
import { readElf } from './elf.ts'
import type { Watch } from './progress.ts'
import { libraryFolders, loaderIn, triplets } from './unpacked-program.ts'

export type PythonPrograms = {
  /** What the folder in the cache is called, and messages call the whole: `labgrid`. */
  name: string
  suite: string
  packages: readonly string[]
  /** Scripts in /usr/bin; each understands --help. */
  programs: readonly string[]
}

/** Raised when programs are unpacked in another way. */
const format = 1
/** Python compiles what it imports the first time, which takes its time on a slow machine. */
const firstStartLimitMs = 120_000

/**
 * Unpacks the programs unless they are in the cache; returns the folder that holds them.
 * Throws LabError: no apt, no mirror, disk full, or one does not run.
 */
export async function ensurePythonPrograms(
  wanted: PythonPrograms,
  { cache = defaultCacheFolder(), ...watch }: Watch & { cache?: string } = {},
): Promise<string> {
  const { name, suite, packages, programs } = wanted
  const key = createHash('sha256').update(JSON.stringify([format, suite, packages, programs, process.arch]))
  const folder = inCache(cache, 'host', `${name}-${key.digest('hex').slice(0, 12)}`)
  const bin = path.join(folder, 'bin')
  if (await exists(bin)) return bin
  await withLock(cache, path.basename(folder), watch, async () => {
    await publishFolder(cache, folder, async (temporary) => {
      const root = path.join(temporary, 'root')
      await unpackClosure(wanted, root, { cache, ...watch })
      await writePythonLauncher(root)
      await mkdir(path.join(temporary, 'bin'))
      for (const program of programs) {
        const launcher = await writeLauncher(temporary, program)
        await mustRun(launcher, watch.signal)
      }
    })
  })
  return bin
}

async function unpackClosure(
  { name, suite, packages }: PythonPrograms,
  root: string,
  { cache, ...watch }: Watch & { cache: string },
): Promise<void> {
  const apt = new Apt({ ...watch, cache, suite, arch: hostArch() })
  await apt.refresh()
  const files = await apt.fetch(await apt.closure(packages))
  watch.progress?.(`unpack ${name} and what it depends on (${files.length} packages of Debian ${suite})`)
  for (const file of files) await unpackDeb(file, root, { cache, signal: watch.signal })
}

/**
 * Puts a script in Python's place. Python finds its modules from where argv[0] says that it lies (Modules/getpath.py),
 * and sys.executable is that script, so a Python that starts another one works too. No PYTHONHOME, which would reach
 * every program that a Python program starts, the host's own Python among them.
 */
async function writePythonLauncher(root: string): Promise<void> {
  const name = await readlink(path.join(root, 'usr/bin/python3')).catch(() => undefined)
  if (name === undefined || name.includes('/')) throw new LabError('the packages do not have a python3')
  const file = path.join(root, 'usr/bin', name)
  const { interpreter } = readElf(await readFile(file), name)
  if (interpreter === null) throw new LabError(`${name} is linked in a way that is not known here`)
  const libraries = await libraryFolders(root, triplets[hostArch()])
  const loader = await loaderIn(root, interpreter, libraries)
  await rename(file, `${file}.elf`)
  await writeScript(file, [
    'root=$(dirname "$(readlink -f "$0")")/../..',
    `exec "$root/${loader}" --argv0 "$root/usr/bin/${name}" --library-path "${libraries.map((one) => `$root/${one}`).join(':')}" "$root/usr/bin/${name}.elf" "$@"`,
  ])
}

async function writeLauncher(folder: string, program: string): Promise<string> {
  if (!(await exists(path.join(folder, 'root/usr/bin', program))))
    throw new LabError(`the packages do not have the program ${program}`)
  const launcher = path.join(folder, 'bin', program)
  await writeScript(launcher, [
    'root=$(dirname "$(readlink -f "$0")")/../root',
    // The user's own modules are made for another Python.
    'unset PYTHONHOME PYTHONPATH',
    `exec "$root/usr/bin/python3" -s "$root/usr/bin/${program}" "$@"`,
  ])
  return launcher
}

async function writeScript(file: string, lines: readonly string[]): Promise<void> {
  await writeFile(file, ['#!/bin/sh', '# Written by images/python-program.ts.', ...lines, ''].join('\n'))
  await chmod(file, 0o755)
}

/** A program that does not even start is no help; starting it also compiles its modules for the next time. */
async function mustRun(file: string, signal: AbortSignal | undefined): Promise<void> {
  const result = await execa(file, ['--help'], {
    reject: false,
    stdin: 'ignore',
    timeout: firstStartLimitMs,
    env: { LC_ALL: 'C' },
    ...(signal ? { cancelSignal: signal } : {}),
  })
  signal?.throwIfAborted()
  if (!result.failed) return
  const why = lastLine(result.stderr) ?? result.shortMessage
  throw new LabError(`${path.basename(file)} was unpacked but does not run: ${why}`)
}
