/** Where packages come from: the archives that this machine's own apt is configured with, for any suite. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { LabError } from '../harness/errors.ts'

export type HostRelease = {
  /** `debian`, `ubuntu`, …: ID of os-release(5). */
  id: string
  /** `bookworm`: VERSION_CODENAME of os-release(5), or a suite name where there is none, as in sid. */
  codename: string
}

/** One archive of one suite, as a stanza of sources.list(5) in its deb822 style. */
export type Source = {
  uri: string
  suite: string
  components: string[]
  /** Whether the archive is one beside the suite itself, such as its security updates. */
  pocket: boolean
  /** `Signed-By` and other options of the machine's own source, copied. */
  options: Record<string, string>
}

/** A line of `apt-get indextargets`. */
export type IndexTarget = {
  uri: string
  release: string
  component: string
  /** Origin in the archive's Release file; empty before the first `apt-get update`. */
  origin: string
  /** Where it is configured: `file:number`. */
  sourcesEntry: string
}

/** Suites that get no security and no update archive of their own. */
const rolling = new Set(['sid', 'unstable', 'experimental', 'rc-buggy'])
/** Fields of a stanza that say which archive; the rest says how to fetch and trust it. */
const selectingFields = new Set([
  'types',
  'uris',
  'suites',
  'components',
  'architectures',
  'enabled',
  'languages',
  'targets',
  'x-repolib-name',
])

/** Release of this machine. Throws LabError when it has no os-release file. */
export async function hostRelease(): Promise<HostRelease> {
  const text = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const value = (key: string) => new RegExp(`^${key}="?([^"\\n]*)"?$`, 'm').exec(text)?.[1] ?? ''
  const id = value('ID')
  if (id === '') {
    throw new LabError('this machine does not say which distribution it runs (/etc/os-release)', {
      hint: 'Set KEXEC_HARNESS_APT_SOURCES to a sources.list file with a Debian mirror.',
    })
  }
  return { id, codename: value('VERSION_CODENAME') || (id === 'debian' ? 'sid' : '') }
}

/**
 * Archives for a suite, taken from the machine's own configuration, its codename replaced where it runs another one.
 * $KEXEC_HARNESS_APT_SOURCES names a sources.list file to use in place of the machine's configuration.
 * Throws LabError when apt is missing or knows no archive that can have the suite.
 */
export async function sourcesFor(suite: string, env: NodeJS.ProcessEnv = process.env): Promise<Source[]> {
  const own = env.KEXEC_HARNESS_APT_SOURCES
  const targets = await indexTargets(
    own ? ['-o', `Dir::Etc::sourcelist=${path.resolve(own)}`, '-o', 'Dir::Etc::sourceparts=/dev/null'] : [],
  )
  const release = await hostRelease()
  // Whoever names a file vouches for what is in it.
  const sources = selectSources(
    suite,
    release,
    own ? targets.map((one) => ({ ...one, origin: 'Debian' })) : targets,
  )
  if (sources.length === 0) {
    throw new LabError(`no archive for the suite ${suite}: apt on this machine (${release.id}) has none`, {
      hint:
        "Write a line such as 'deb [signed-by=KEYRING] MIRROR bookworm main' into a file and " +
        'export KEXEC_HARNESS_APT_SOURCES=/path/to/it; the package debian-archive-keyring has the keyring.',
    })
  }
  return await Promise.all(
    sources.map(async ({ source, target }) => ({ ...source, options: await optionsOf(target) })),
  )
}

/** Chooses among index targets; see sourcesFor. */
export function selectSources(
  suite: string,
  release: HostRelease,
  targets: readonly IndexTarget[],
): { source: Omit<Source, 'options'>; target: IndexTarget }[] {
  const chosen = new Map<string, { source: Omit<Source, 'options'>; target: IndexTarget }>()
  for (const target of targets) {
    const { base, pocket } = splitRelease(target.release)
    if (pocket === undefined) continue
    const exact = base === suite
    if (!exact && !isDebian(target, release)) continue
    if (pocket !== '' && rolling.has(suite)) continue
    const name = exact ? target.release : `${suite}${pocket}`
    const key = `${target.uri} ${name}`
    const known = chosen.get(key)
    if (!known) {
      const source = { uri: target.uri, suite: name, components: [target.component], pocket: pocket !== '' }
      chosen.set(key, { source, target })
    } else if (!known.source.components.includes(target.component)) {
      known.source.components.push(target.component)
    }
  }
  // Archives that are configured for this very suite are right as they are; others are only a guess.
  const all = [...chosen.values()]
  const exact = all.filter(({ target }) => splitRelease(target.release).base === suite)
  return exact.some(({ source }) => !source.pocket) ? exact : all
}

/** `bookworm-security` is the pocket `-security` of `bookworm`; undefined for archives that are left out. */
function splitRelease(name: string): { base: string; pocket: string | undefined } {
  const match = /^([a-z]+)(?:(-updates|-security)|\/(updates)|-([a-z-]+))?$/.exec(name)
  if (!match) return { base: name, pocket: undefined }
  const [, base = name, pocket, oldSecurity, other] = match
  if (other !== undefined) return { base, pocket: undefined }
  return { base, pocket: oldSecurity ? '-security' : (pocket ?? '') }
}

/** Names that only Debian gives its suites, beside the release that the machine itself runs. */
const debianAliases = /^(oldoldstable|oldstable|stable|testing|unstable|sid)$/

function isDebian({ origin, release }: IndexTarget, host: HostRelease): boolean {
  if (origin !== '') return origin === 'Debian'
  const { base } = splitRelease(release)
  return host.id === 'debian' && (base === host.codename || debianAliases.test(base))
}

/** All that is configured; who publishes it is known only of what `apt-get update` has fetched. */
async function indexTargets(options: string[]): Promise<IndexTarget[]> {
  const [configured, fetched] = await Promise.all([
    listTargets(['--no-release-info', ...options]),
    listTargets(options),
  ])
  const origins = new Map(fetched.map(({ uri, release, origin }) => [`${uri} ${release}`, origin]))
  return configured.map((target) => ({
    ...target,
    origin: origins.get(`${target.uri} ${target.release}`) ?? '',
  }))
}

async function listTargets(options: string[]): Promise<IndexTarget[]> {
  const fields = ['REPO_URI', 'RELEASE', 'COMPONENT', 'ORIGIN', 'SOURCESENTRY']
  const format = fields.map((field) => `$(${field})`).join('\t')
  const result = await execa(
    'apt-get',
    ['indextargets', ...options, '--format', format, 'Created-By: Packages'],
    { reject: false, env: { LC_ALL: 'C' }, stdin: 'ignore' },
  )
  if (result.code === 'ENOENT') throw noApt()
  if (result.failed) {
    throw new LabError(
      `apt on this machine is not usable: ${lastLine(result.stderr) ?? result.shortMessage}`,
      { hint: 'see what is wrong with: apt-get indextargets' },
    )
  }
  return result.stdout.split('\n').flatMap((line) => {
    const [uri = '', release = '', component = '', origin = '', sourcesEntry = ''] = line.split('\t')
    return uri === '' ? [] : [{ uri, release, component, origin, sourcesEntry }]
  })
}

/** There is no apt here. */
export function noApt(): LabError {
  return new LabError('there is no apt-get on this machine, which fetches kernels and programs', {
    hint: 'Use a Debian-like machine, or bring your own files: --kernel PATH --initramfs PATH.',
  })
}

/** How the machine's own source is fetched and trusted. */
async function optionsOf({ sourcesEntry, uri, release }: IndexTarget): Promise<Record<string, string>> {
  const [, file = '', number = ''] = /^(.*):(\d+)$/.exec(sourcesEntry) ?? []
  const text = await readFile(file, 'utf8').catch(() => '')
  return file.endsWith('.sources')
    ? stanzaOptions(text, uri, release)
    : lineOptions(text.split('\n')[Number(number) - 1] ?? '')
}

/** Options of the stanza of a deb822 file that configures this archive. */
export function stanzaOptions(text: string, uri: string, release: string): Record<string, string> {
  const withoutSlash = (address: string) => address.replace(/\/+$/, '')
  for (const stanza of text.replace(/^#.*\n/gm, '').split(/\n\s*\n/)) {
    const fields = Object.fromEntries(
      [...stanza.matchAll(/^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)/gm)].map(([, key = '', value = '']) => [
        key.toLowerCase(),
        value.trimEnd(),
      ]),
    )
    const words = (key: string) => (fields[key] ?? '').split(/\s+/)
    const here =
      words('uris').map(withoutSlash).includes(withoutSlash(uri)) && words('suites').includes(release)
    if (here) return Object.fromEntries(Object.entries(fields).filter(([key]) => !selectingFields.has(key)))
  }
  return {}
}

/** Options of a one-line entry: `deb [signed-by=FILE trusted=yes] …`. */
export function lineOptions(line: string): Record<string, string> {
  const inside = /^\s*deb\s+\[([^\]]*)\]/.exec(line)?.[1] ?? ''
  const pairs = [...inside.matchAll(/([\w-]+)=(\S+)/g)].map(([, key = '', value = '']) => [
    key.toLowerCase(),
    value.replaceAll(',', ' '),
  ])
  return Object.fromEntries(
    pairs.filter(([key = '']) => !selectingFields.has(key) && !['arch', 'lang', 'target'].includes(key)),
  )
}

/** The text of a deb822 sources file. */
export function sourcesText(sources: readonly Source[]): string {
  return sources
    .map(({ uri, suite, components, options }) =>
      [
        'Types: deb',
        `URIs: ${uri}`,
        `Suites: ${suite}`,
        `Components: ${components.join(' ')}`,
        ...Object.entries(options).map(([key, value]) => `${key}: ${value}`),
        '',
      ].join('\n'),
    )
    .join('\n')
}

/** The last line of a program's output that says something. */
export function lastLine(output: string): string | undefined {
  return output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .at(-1)
}
