/** Installs packages on this machine, with its own apt. */
import { readdir } from 'node:fs/promises'
import { execa } from 'execa'
import { LabError } from '../harness/errors.ts'
import { lastLine } from './apt-sources.ts'
import type { Watch } from './progress.ts'

/** How long to wait for another apt or dpkg that is at work, seconds. */
const lockTimeoutSeconds = 120
/** A silent installation says this often that it goes on. */
const aliveMs = 5000

/**
 * Installs packages as root, with package lists fetched first where there are none. Returns why it did not work,
 * undefined when it did: the caller has another way.
 */
export async function installPackages(
  packages: readonly string[],
  watch: Watch,
): Promise<string | undefined> {
  if (!(await hasLists())) {
    watch.progress?.('apt-get update')
    // A single broken source among several must not stop the rest.
    await apt(['update'], watch)
  }
  const install = ['install', '-y', '--no-install-recommends', ...packages]
  let first = await apt(install, watch)
  if (first !== undefined && /dpkg was interrupted/.test(first)) {
    // Somebody's installation was killed half way: until its steps are finished apt refuses every other one.
    await run('dpkg', ['--configure', '-a'], watch)
    first = await apt(install, watch)
  }
  if (first === undefined || !/404|Unable to fetch|Unable to locate/.test(first)) return first
  // The lists are older than what the mirror still has.
  watch.progress?.('apt-get update')
  await apt(['update'], watch)
  return await apt(install, watch)
}

/** Debian's name for the architecture of this machine: amd64, arm64. Throws LabError for another one. */
export function hostArch(): 'amd64' | 'arm64' {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch as string]
  if (arch === 'amd64' || arch === 'arm64') return arch
  throw new LabError(`programs can't be fetched for a host of architecture ${process.arch}`, {
    hint: 'install QEMU by hand',
  })
}

async function hasLists(): Promise<boolean> {
  const names = await readdir('/var/lib/apt/lists').catch(() => [])
  return names.some((name) => name.includes('_Packages'))
}

async function apt(args: string[], watch: Watch): Promise<string | undefined> {
  const options = [
    '-o',
    `DPkg::Lock::Timeout=${lockTimeoutSeconds}`,
    '-o',
    'Acquire::Retries=2',
    '-o',
    'Acquire::http::Timeout=20',
  ]
  return await run('apt-get', args, watch, options)
}

/** Runs one that is not asked anything, and says so while it is silent. Returns why it failed, if it did. */
async function run(
  program: string,
  args: string[],
  { progress, signal }: Watch,
  options: string[] = [],
): Promise<string | undefined> {
  const command = `${program} ${args.join(' ')}`
  progress?.(command)
  const startedAt = performance.now()
  const alive = setInterval(
    () => progress?.(`${command}: at work for ${Math.round((performance.now() - startedAt) / 1000)} s`),
    aliveMs,
  )
  try {
    const result = await execa(program, [...options, ...args], {
      reject: false,
      stdin: 'ignore',
      env: { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      // SIGINT lets apt end between two steps; killing dpkg would leave packages half installed.
      killSignal: 'SIGINT',
      ...(signal ? { cancelSignal: signal } : {}),
    })
    signal?.throwIfAborted()
    if (!result.failed) return undefined
    const error = result.stderr.split('\n').find((line) => line.startsWith('E: '))
    return (error ?? lastLine(result.stderr) ?? result.shortMessage ?? command).replace(/^E: /, '')
  } finally {
    clearInterval(alive)
  }
}
