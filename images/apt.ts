/**
 * A private apt: package lists of any Debian suite and architecture in the cache, without touching the system and
 * without root. Files are verified by apt itself, against the signatures that the machine already trusts.
 */
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { UsageError } from '../harness/errors.ts'
import { didYouMean } from '../harness/nearest.ts'
import { aptFailure, stalled } from './apt-errors.ts'
import { noApt, type Source, sourcesFor, sourcesText } from './apt-sources.ts'
import { inCache, mustHaveRoom, withLock, withTemporaryFolder } from './cache.ts'
import { type Deb, parsePackages } from './control.ts'
import { DebStore } from './deb-store.ts'
import { reportBytes, type Watch } from './progress.ts'

/** Architectures by the name that Debian gives them. */
export const debArch = { x86_64: 'amd64', arm64: 'arm64', ppc64le: 'ppc64el' } as const
type DebArch = (typeof debArch)[keyof typeof debArch]

/** Whether there are archives with updates of a suite: of a release, and not of what is beside it. */
export function hasUpdates(suite: string): boolean {
  return !suite.includes('-') && suite !== 'experimental'
}

export type AptOptions = Watch & {
  cache: string
  suite: string
  arch: DebArch
  /** Whether the archives beside the suite itself, such as its security updates, are used; true where not given. */
  updates?: boolean | undefined
}

/** Package lists younger than this are taken as they are. */
export const listsFreshMs = 24 * 3600 * 1000
/** Room for the package lists of a suite, packed and unpacked at once. */
const listsBytes = 100_000_000
/** apt tells its progress twice a second; its own network timeouts are shorter than this. */
const stallMs = 120_000

export class Apt {
  readonly #options: AptOptions
  readonly #folder: string
  readonly #store: DebStore

  constructor(options: AptOptions) {
    this.#options = options
    const name = `${options.suite}-${options.arch}${options.updates === false ? '-without-updates' : ''}`
    this.#folder = inCache(options.cache, 'apt', name)
    this.#store = new DebStore(options.cache)
  }

  /**
   * Fetches the package lists unless they are fresh (a day old at most); `force` fetches in any case.
   * When the mirror can't be reached, older lists are used and that is said.
   * Throws LabError: no apt, no archive, mirror not reachable and no lists yet, disk full.
   */
  async refresh({ force = false } = {}): Promise<void> {
    const { cache, suite, arch, updates = true, progress } = this.#options
    await withLock(cache, `apt-${path.basename(this.#folder)}`, this.#options, async () => {
      const ageMs = await this.#listsAgeMs()
      if (!force && ageMs < listsFreshMs) return
      progress?.(`fetch package lists of ${suite} (${arch})`)
      try {
        const sources = await sourcesFor(suite)
        await this.#update(sources.filter(({ pocket }) => updates || !pocket))
      } catch (error) {
        this.#options.signal?.throwIfAborted()
        if (ageMs === Number.POSITIVE_INFINITY) throw error
        const message = (error as Error).message.split('\n')[0]
        progress?.(`go on with package lists of ${Math.round(ageMs / 3_600_000)} hours ago: ${message}`)
      }
    })
  }

  /** The package of that name that apt would install. Throws UsageError with the nearest name when there is none. */
  async find(name: string): Promise<Deb> {
    const found = parsePackages(
      (await this.#run('apt-cache', ['show', '--no-all-versions', name], true)).stdout,
    )[0]
    if (found) return found
    const { suite, arch } = this.#options
    const names = (await this.#run('apt-cache', ['pkgnames'])).stdout.split('\n')
    throw new UsageError(`Debian ${suite} has no package ${name} for ${arch}${didYouMean(name, names)}`, {
      hint: `search with: apt-cache search ${name.replace(/-.*/, '')}`,
    })
  }

  /** All versions of a package that the archives hold, newest first. */
  async versions(name: string): Promise<Deb[]> {
    return parsePackages((await this.#run('apt-cache', ['show', name], true)).stdout)
  }

  /** The newest version of each package that the archives hold under such a name, in no special order. */
  async named(isWanted: (name: string) => boolean): Promise<Deb[]> {
    const names = (await this.#run('apt-cache', ['pkgnames'])).stdout.split('\n').filter(isWanted)
    if (names.length === 0) return []
    return parsePackages((await this.#run('apt-cache', ['show', '--no-all-versions', ...names], true)).stdout)
  }

  /** A package and everything it depends on, in no special order, without what is only recommended. */
  async closure(names: readonly string[]): Promise<Deb[]> {
    const simulated = await this.#run('apt-get', ['install', '-s', '-y', '--no-install-recommends', ...names])
    // Inst NAME[:ARCH] (VERSION ARCHIVE [ARCH])
    const wanted = [...simulated.stdout.matchAll(/^Inst ([^\s:]+)\S* \((\S+) /gm)].map(
      ([, name = '', version = '']) => `${name}=${version}`,
    )
    const shown = await this.#run('apt-cache', ['show', ...wanted])
    const byId = new Map(parsePackages(shown.stdout).map((deb) => [`${deb.name}=${deb.version}`, deb]))
    return wanted.flatMap((id) => byId.get(id) ?? [])
  }

  /**
   * Paths of the packages' .deb files, in the same order; what is in the store already needs no network.
   * Throws LabError as refresh does.
   */
  async fetch(debs: readonly Deb[]): Promise<string[]> {
    const { cache } = this.#options
    const missing = await this.#store.missing(debs)
    if (missing.length > 0) {
      await withTemporaryFolder(cache, async (folder) => {
        await this.#download(missing, folder)
        await this.#store.adopt(folder, missing)
      })
    }
    return debs.map((deb) => this.#store.pathOf(deb.sha256))
  }

  async #download(debs: readonly Deb[], folder: string): Promise<void> {
    const totalBytes = debs.reduce((sum, { size }) => sum + size, 0)
    await mustHaveRoom(this.#options.cache, totalBytes)
    const first = debs[0]!.name
    const step = debs.length === 1 ? `download ${first}` : `download ${first} and ${debs.length - 1} more`
    const report = reportBytes(this.#options.progress, step, totalBytes)
    const ids = debs.map(({ name, version }) => `${name}=${version}`)
    await this.#run('apt-get', ['download', ...ids], false, folder, (percent) =>
      report(Math.round((totalBytes * percent) / 100)),
    )
  }

  async #update(sources: Source[]): Promise<void> {
    await mustHaveRoom(this.#options.cache, listsBytes)
    await this.#writeConfiguration(sources)
    try {
      await this.#run('apt-get', ['update', '--error-on=any'])
    } catch (error) {
      // Not every suite has every archive beside it that the machine's own suite has.
      const rest = sources.filter(({ pocket, suite }) => !pocket || !refuses(error, suite))
      if (rest.length === sources.length) throw error
      await this.#writeConfiguration(rest)
      await this.#run('apt-get', ['update', '--error-on=any'])
    }
    await writeFile(path.join(this.#folder, 'updated'), '')
  }

  async #writeConfiguration(sources: Source[]): Promise<void> {
    for (const folder of ['lists/partial', 'cache/archives/partial', 'empty']) {
      await mkdir(path.join(this.#folder, folder), { recursive: true })
    }
    await writeFile(path.join(this.#folder, 'status'), '')
    await writeFile(path.join(this.#folder, 'debian.sources'), sourcesText(sources))
  }

  async #listsAgeMs(): Promise<number> {
    const stamp = await stat(path.join(this.#folder, 'updated')).catch(() => undefined)
    const lists = await readdir(path.join(this.#folder, 'lists')).catch(() => [])
    const complete = stamp !== undefined && lists.some((name) => name.includes('_Packages'))
    return complete ? Date.now() - stamp.mtimeMs : Number.POSITIVE_INFINITY
  }

  async #run(
    program: 'apt-get' | 'apt-cache',
    args: string[],
    mayFail = false,
    cwd = this.#folder,
    onPercent?: (percent: number) => void,
  ): Promise<{ stdout: string }> {
    const { cache, signal } = this.#options
    // apt hangs for good when the disk fills up under some of its helpers.
    using stall = new StallWatch(stallMs)
    const child = execa(program, [...this.#settings(), ...args], {
      cwd,
      reject: false,
      env: { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      maxBuffer: 256 * 1024 * 1024,
      cancelSignal: signal ? AbortSignal.any([signal, stall.signal]) : stall.signal,
    })
    this.#followStatus(child.stdio[3], (percent) => {
      stall.alive()
      onPercent?.(percent)
    })
    const result = await child
    signal?.throwIfAborted()
    if (result.code === 'ENOENT') throw noApt()
    if (stall.signal.aborted) throw stalled(program, args, cache, stallMs)
    if (result.failed && !mayFail) {
      const words = `${result.stderr}\n${result.stdout}`
      throw aptFailure({ program, args, cache, words, suite: this.#options.suite })
    }
    return { stdout: result.stdout }
  }

  /** Lines of APT::Status-Fd: `dlstatus:1:43.2:Retrieving file 1 of 1`. */
  #followStatus(
    stream: NodeJS.ReadableStream | null | undefined,
    onPercent: (percent: number) => void,
  ): void {
    stream?.on('data', (chunk: Buffer) => {
      const last = [...chunk.toString().matchAll(/^dlstatus:\d+:([\d.]+):/gm)].at(-1)
      if (last) onPercent(Number(last[1]))
    })
  }

  /** Options that keep apt inside of our folder; what the machine says about proxies and certificates stays. */
  #settings(): string[] {
    const { arch } = this.#options
    const inside = (name: string) => path.join(this.#folder, name)
    const settings = {
      'Dir::State': inside('.'),
      'Dir::State::Lists': inside('lists'),
      'Dir::State::status': inside('status'),
      'Dir::State::extended_states': inside('extended_states'),
      'Dir::Cache': inside('cache'),
      'Dir::Log': inside('empty'),
      'Dir::Etc::sourcelist': inside('debian.sources'),
      'Dir::Etc::sourceparts': inside('empty'),
      'Dir::Etc::preferences': '/dev/null',
      'Dir::Etc::preferencesparts': inside('empty'),
      'APT::Architecture': arch,
      'APT::Architectures': arch,
      'APT::Default-Release': '',
      // Downloads as the user that runs this: the system's _apt user can't write to a cache in a home folder.
      'APT::Sandbox::User': '',
      'APT::Status-Fd': '3',
      'APT::Install-Suggests': 'false',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '2',
      'Acquire::http::Timeout': '20',
      'Acquire::https::Timeout': '20',
      'DPkg::Pre-Invoke': '',
      'APT::Update::Post-Invoke-Success': '',
      // Locking is ours; apt's own would need a folder that only root has.
      'Debug::NoLocking': 'true',
    }
    return Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`])
  }
}

/** Aborts its signal when nobody says for a while that things go on. */
class StallWatch implements Disposable {
  readonly #controller = new AbortController()
  readonly #timer: NodeJS.Timeout

  constructor(limitMs: number) {
    this.#timer = setTimeout(() => this.#controller.abort(), limitMs)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  alive(): void {
    this.#timer.refresh()
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
  }
}

/** Whether the error says that the archive of this suite is not on the mirror. */
function refuses(error: unknown, suite: string): boolean {
  const quoted = suite.replaceAll(/[^\w-]/g, '\\$&')
  return new RegExp(`repository '\\S+ ${quoted} Release' (does not have|no longer has) a Release file`).test(
    String((error as { cause?: { words?: string } }).cause?.words ?? ''),
  )
}
