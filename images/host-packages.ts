/** Programs that the host needs: used where installed, installed with apt as root, else unpacked into the cache. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import path from 'node:path'
import { LabError } from '../harness/errors.ts'
import { installPackages } from './apt-install.ts'
import { noApt } from './apt-sources.ts'
import { defaultCacheFolder } from './cache.ts'
import type { Watch } from './progress.ts'
import { findUnpacked, unpackProgram } from './unpacked-program.ts'

export type HostProgram = {
  /** `qemu-system-x86_64` */
  program: string
  /** Debian packages that it is in, with what they depend on: `['qemu-system-x86']`. */
  packages: readonly string[]
}

/** A program that can be started. */
export type ProgramToRun = {
  /** Absolute path. */
  path: string
  /** To be added to the environment. */
  env: Record<string, string>
  /** To be put in front of its arguments. */
  extraArgs: string[]
  source: 'installed' | 'apt' | 'unpacked'
}

export type EnsureOptions = HostProgram &
  Watch & {
    /** The cache folder; the project's own where it is not given. */
    cache?: string
    env?: NodeJS.ProcessEnv
  }

/**
 * Finds a program, installing or unpacking it when it is not there. As root it is installed with apt; anybody else,
 * and root where that fails, gets it unpacked into the cache, with everything it depends on.
 * KEXEC_HARNESS_IGNORE_INSTALLED names programs, with commas between, that are unpacked even where they are
 * installed: to try that way, or where the installed one is broken.
 * Throws LabError with the command that a person can run.
 */
export async function ensureProgram(options: EnsureOptions): Promise<ProgramToRun> {
  const { program, packages, progress, signal, env = process.env } = options
  const cache = options.cache ?? defaultCacheFolder(env)
  const ignoreInstalled = ignoresInstalled(program, env)
  const installed = ignoreInstalled ? undefined : await findInPath(program, env)
  if (installed) return { path: installed, env: {}, extraArgs: [], source: 'installed' }
  const unpacked = await findUnpacked(cache, options)
  if (unpacked) return { ...unpacked, source: 'unpacked' }
  if (!(await findInPath('apt-get', env))) throw missing(options, noApt())
  const watch = { ...(progress ? { progress } : {}), ...(signal ? { signal } : {}) }
  if (isRoot() && !ignoreInstalled) {
    const failure = await installPackages(packages, watch)
    const now = await findInPath(program, env)
    if (now) return { path: now, env: {}, extraArgs: [], source: 'apt' }
    progress?.(
      `${program} could not be installed (${failure ?? 'the packages do not have it'}), so it is unpacked`,
    )
  }
  try {
    return { ...(await unpackProgram({ ...watch, program, packages, cache })), source: 'unpacked' }
  } catch (error) {
    signal?.throwIfAborted()
    throw missing(options, error)
  }
}

export type ProgramState = HostProgram & {
  state: 'installed' | 'unpacked' | 'missing'
  /** Where it is; null when it is missing. */
  path: string | null
  /** What ensureProgram would do, as a sentence; null when it is there. */
  plan: string | null
}

/** What is there and what would be done about what is missing, without doing it. */
export async function describePrograms(
  programs: readonly HostProgram[],
  { cache = defaultCacheFolder(), env = process.env }: { cache?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<ProgramState[]> {
  const hasApt = (await findInPath('apt-get', env)) !== undefined
  return await Promise.all(
    programs.map(async ({ program, packages }): Promise<ProgramState> => {
      const wanted = { program, packages }
      const installed = ignoresInstalled(program, env) ? undefined : await findInPath(program, env)
      if (installed) return { ...wanted, state: 'installed', path: installed, plan: null }
      const unpacked = await findUnpacked(cache, wanted)
      if (unpacked) return { ...wanted, state: 'unpacked', path: unpacked.path, plan: null }
      return { ...wanted, state: 'missing', path: null, plan: planFor(wanted, hasApt, cache) }
    }),
  )
}

function planFor({ packages }: HostProgram, hasApt: boolean, cache: string): string {
  if (!hasApt) return `can't be fetched without apt-get; install ${packages.join(' ')} by hand`
  const install = `apt-get install --no-install-recommends ${packages.join(' ')}`
  return isRoot()
    ? `will be installed: ${install}`
    : `will be unpacked into ${cache}, without root; or install it: sudo ${install}`
}

function missing({ program, packages }: HostProgram, error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const sudo = isRoot() ? '' : 'sudo '
  return new LabError(`${program} is not on this machine and can't be fetched: ${error.message}`, {
    hint: `install it by hand: ${sudo}apt-get install --no-install-recommends ${packages.join(' ')}`,
    cause: error,
  })
}

/** Whether KEXEC_HARNESS_IGNORE_INSTALLED names the program. */
export function ignoresInstalled(program: string, env: NodeJS.ProcessEnv): boolean {
  return (env.KEXEC_HARNESS_IGNORE_INSTALLED ?? '').split(',').includes(program)
}

function isRoot(): boolean {
  return process.geteuid?.() === 0
}

/** Absolute path of a program in $PATH, or in the folders that a plain user's PATH lacks. */
export async function findInPath(program: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folders = [...(env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/sbin'].filter(path.isAbsolute)
  for (const folder of folders) {
    const file = path.join(folder, program)
    const runs = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (runs) return file
  }
  return undefined
}
