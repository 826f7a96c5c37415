/** The kernels that a bisection searches, in their order: Debian's packages, or files. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { sha256OfFile } from '../../../images/deb-store.ts'
import { compareDebianVersions } from '../../../images/debian-version.ts'
import { recipeWithKernel } from '../../../images/kernel-versions.ts'
import type { DescriptorOverrides } from '../../board/descriptor.ts'
import { UsageError } from '../../errors.ts'
import { didYouMean } from '../../nearest.ts'
import type { Candidate } from './state.ts'

type Kernel = { path: string; initramfs?: string | undefined }

/**
 * The kernels of `--kernels`: a folder's files, sorted by the versions in their names; a file with a path a line, and
 * perhaps an initramfs after it; or two and more kernels as they are. Throws UsageError for what is not there.
 */
export async function fileCandidates(paths: readonly string[]): Promise<Candidate[]> {
  const kernels = await kernelsOf(paths)
  const names = kernels.map(({ path }) => basename(path))
  const doubled = new Set(names).size < names.length
  return await Promise.all(
    kernels.map(async ({ path, initramfs }): Promise<Candidate> => {
      for (const file of [path, initramfs]) if (file !== undefined) await mustBeFile(file)
      const own = { path, sha256: await sha256OfFile(path) }
      return {
        name: doubled ? path : basename(path),
        kernel: initramfs === undefined ? own : { ...own, initramfs },
      }
    }),
  )
}

async function kernelsOf(paths: readonly string[]): Promise<Kernel[]> {
  const [first = '', ...others] = paths.map((path) => resolve(path))
  if (others.length > 0) return [first, ...others].map((path) => ({ path }))
  const found = await stat(first).catch((cause) => {
    throw new UsageError(`--kernels ${paths[0]}: no such file or folder`, { cause })
  })
  const kernels = found.isDirectory()
    ? await inFolder(first)
    : listed(await readFile(first, 'utf8'), dirname(first))
  if (kernels.length >= 2) return kernels
  throw new UsageError(`--kernels ${paths[0]}: there are not two kernels in it`, {
    hint: 'Name a folder of kernels, or a text file with the path of one on each line, oldest first.',
  })
}

async function inFolder(folder: string): Promise<Kernel[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => name)
  return names.sort(byVersion).map((name) => ({ path: join(folder, name) }))
}

/** A release candidate comes before its release, which is what a tilde says. */
function byVersion(left: string, right: string): number {
  const sortable = (name: string) => name.replaceAll(/-(rc\d)/g, '~$1').replaceAll('-', '.')
  return compareDebianVersions(sortable(left), sortable(right))
}

/** Paths are relative to the list's own folder, as those in a descriptor are to its. */
function listed(text: string, folder: string): Kernel[] {
  if (text.includes('\0'))
    throw new UsageError('--kernels: one kernel alone is no list', {
      hint: 'Name a folder, a list, or several kernels.',
    })
  return text.split('\n').flatMap((line) => {
    const [path, initramfs] = line
      .replace(/(^|\s)#.*/, '')
      .trim()
      .split(/\s+/)
    if (!path) return []
    return [{ path: resolve(folder, path), initramfs: initramfs && resolve(folder, initramfs) }]
  })
}

async function mustBeFile(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (!found?.isFile()) throw new UsageError(`--kernels: ${path} is ${found ? 'no file' : 'not there'}`)
}

/**
 * The one that a person means: by its name, a file's path, a package, a release as `uname -r` says it, or a beginning of its
 * version that no other one has. Throws UsageError with the nearest name.
 */
export function findCandidate(candidates: readonly Candidate[], wanted: string, flag: string): Candidate {
  const exact = candidates.find((one) => namesOf(one).includes(wanted))
  if (exact) return exact
  const beginning = candidates.filter(
    ({ name }) => name.startsWith(wanted) && /^\W/.test(name.slice(wanted.length)),
  )
  if (beginning.length === 1) return beginning[0]!
  const names = candidates.map(({ name }) => name)
  if (beginning.length > 1)
    throw new UsageError(`${flag} ${wanted} may be ${beginning.map(({ name }) => name).join(', ')}`, {
      hint: 'Write the whole of one.',
    })
  throw new UsageError(`${flag} ${wanted}: no such kernel is in the list${didYouMean(wanted, names)}`, {
    hint: 'The same command with --list prints the list.',
  })
}

function namesOf({ name, kernel }: Candidate): string[] {
  if ('path' in kernel) return [name, kernel.path]
  const release = kernel.package.replace('linux-image-', '')
  // Without the flavour too: 6.1.0-56 of 6.1.0-56-cloud-amd64.
  return [name, kernel.package, release, release.replace(/-[a-z].*$/, '')]
}

/** From the good one to the bad one, turned round where the good one is the newer: then what mended it is searched. */
export function between(candidates: readonly Candidate[], good: Candidate, bad: Candidate): Candidate[] {
  const [from, to] = [candidates.indexOf(good), candidates.indexOf(bad)]
  if (from === to) throw new UsageError(`${good.name} is said to be good and bad`)
  return from < to ? candidates.slice(from, to + 1) : candidates.slice(to, from + 1).toReversed()
}

/** What a descriptor's image is replaced with for a kernel of the list. */
export async function imageOf(
  { kernel }: Candidate,
  recipe: string,
): Promise<Pick<DescriptorOverrides, 'recipe' | 'kernel' | 'initramfs'>> {
  if (!('path' in kernel)) return { recipe: await recipeWithKernel(recipe, kernel) }
  return { kernel: kernel.path, ...(kernel.initramfs === undefined ? {} : { initramfs: kernel.initramfs }) }
}
