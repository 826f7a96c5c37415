/** What a run was asked for, from the flags as they were typed. */
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { FaultName } from '../../images/faults.ts'
import { isUrl, urlMistake } from '../../images/file-url.ts'
import type { DescriptorOverrides } from '../board/descriptor.ts'
import { durationMs } from '../duration.ts'
import { UsageError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { type Suite, suiteNames } from './suites.ts'

/** Flags as commander hands them over. */
export type RunFlags = {
  board?: string[]
  suite?: string[]
  loader?: string
  iterations?: string
  precision?: string
  warmups?: string
  kernel?: string
  old?: string
  initramfs?: string
  disk?: string
  append?: string
  results: string
  timeout?: string
  json?: boolean
  bisect?: boolean
  fault?: string
  bisectDrivers?: boolean
  signatures?: string[]
  cold?: boolean
}

export type RunOptions = {
  boards: string[]
  suites: Suite[]
  iterations: number | null
  /** How well the median of the gap shall be known, as a share of it. */
  precision: number | null
  warmups: number
  timeoutMs: number | null
  /** Folder that holds the folders of runs. */
  results: string
  overrides: DescriptorOverrides
  /** The kernel that boots cold and kexecs the other one; null: that is one and the same. */
  old: Pick<DescriptorOverrides, 'kernel' | 'recipe'> | null
  json: boolean
  /** Whether the run is a part of another command: no table at its end, and no baseline to be held against. */
  quiet: boolean
  /** The fault module that each old kernel gets. */
  fault: FaultName | null
  /** Whether a finding's driver is searched for by unbinding others. */
  bisectDrivers: boolean
  /** Absolute paths of signature files. */
  signatures: string[]
  /** Whether each power-on boots, also where the suite would let it go on from an earlier cold boot. */
  cold: boolean
}

const maxIterations = 100_000

/** Checks the flags. Throws UsageError. */
export async function parseRunFlags(
  flags: RunFlags,
  defaults: { boards: string[]; suites: Suite[] },
): Promise<RunOptions> {
  const { loader, append } = flags
  return {
    boards: unique((flags.board ?? defaults.boards).map((name) => notEmpty('--board', name))),
    suites: unique((flags.suite ?? defaults.suites).map(toSuite)),
    iterations: flags.iterations === undefined ? null : toIterations(flags.iterations),
    precision: flags.precision === undefined ? null : toPrecision(flags.precision),
    warmups: flags.warmups === undefined ? 0 : toWarmups(flags.warmups),
    timeoutMs: flags.timeout === undefined ? null : toTimeout(flags.timeout),
    results: resolve(notEmpty('--results', flags.results)),
    overrides: {
      loader,
      append: append === undefined ? undefined : toCommandLine(append),
      ...(await toKernel('--kernel', flags.kernel)),
      initramfs: await toFileOrUrl('--initramfs', flags.initramfs),
      disk: await toFile('--disk', flags.disk),
    },
    old: flags.old === undefined ? null : await toKernel('--old', flags.old),
    json: flags.json ?? false,
    quiet: false,
    fault: flags.fault === undefined ? null : await toFault(notEmpty('--fault', flags.fault)),
    bisectDrivers: flags.bisectDrivers ?? false,
    signatures: await toSignatures(flags.signatures ?? []),
    cold: flags.cold ?? false,
  }
}

/** An empty value comes from a script whose variable is not set, and would be taken for the current folder. */
function notEmpty(flag: string, text: string): string {
  if (text !== '' && !text.includes('\0')) return text
  throw new UsageError(`${flag} is empty`, { hint: 'Is a variable of your script not set?' })
}

function toSuite(name: string): Suite {
  const known = suiteNames.find((suite) => suite === name)
  if (known) return known
  throw new UsageError(`unknown suite ${JSON.stringify(name)}${didYouMean(name, [...suiteNames])}`, {
    hint: `Suites: ${suiteNames.join(', ')}.`,
  })
}

// What few runs need is loaded by those: it must not delay the start of the boards.
async function toFault(name: string): Promise<FaultName> {
  return (await import('../../images/faults.ts')).faultNamed(name)
}

/** Mistakes in the files are told before anything is booted. */
async function toSignatures(paths: string[]): Promise<string[]> {
  const files = await Promise.all(paths.map(async (path) => (await toFile('--signatures', path))!))
  if (files.length > 0) await (await import('../detect/catalogue.ts')).loadCatalogue(files)
  return files
}

function toIterations(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= maxIterations) return count
  throw new UsageError(
    `--iterations wants a whole number from 1 to ${maxIterations}, not ${JSON.stringify(text)}`,
  )
}

function toPrecision(text: string): number {
  const share = Number(/^(\d+(?:\.\d+)?)\s*%$/.exec(text)?.[1]) / 100
  if (share >= 0.001 && share < 1) return share
  throw new UsageError(`--precision wants a share from 0.1% to 99%, such as 5%, not ${JSON.stringify(text)}`)
}

function toWarmups(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count <= 100) return count
  throw new UsageError(`--warmups wants a whole number from 0 to 100, not ${JSON.stringify(text)}`)
}

function toTimeout(text: string): number {
  const ms = durationMs(/^\d+(\.\d+)?$/.test(text) ? Number(text) : text)
  if (ms !== undefined) return ms
  throw new UsageError(`--timeout wants a duration such as 90s, 20m or 1h30m, not ${JSON.stringify(text)}`)
}

function toCommandLine(text: string): string {
  if (!/[\u0000-\u001f\u007f]/.test(text) && text.length <= 2048) return text
  throw new UsageError('--append wants one line of at most 2048 printable characters')
}

/** A path, a URL with a checksum, or the name of an image where there is no such file. */
async function toKernel(
  flag: '--kernel' | '--old',
  text: string | undefined,
): Promise<Pick<DescriptorOverrides, 'kernel' | 'recipe'>> {
  const isName = text !== undefined && /^[a-z0-9][a-z0-9._-]*$/.test(text)
  if (isName && !(await stat(text).catch(() => undefined))) {
    const names = await (await import('../../images/recipe.ts')).recipeNames()
    if (names.includes(text)) return { recipe: text }
    const hint = `Looked for ${resolve(text)}. Images: ${names.join(', ')}.`
    throw new UsageError(`${flag} ${text}: no such file or image${didYouMean(text, names)}`, { hint })
  }
  const kernel = await toFileOrUrl(flag, text)
  return kernel === undefined ? {} : { kernel }
}

async function toFileOrUrl(flag: string, text: string | undefined): Promise<string | undefined> {
  if (text === undefined || !isUrl(text)) return await toFile(flag, text)
  const wrong = urlMistake(text)
  if (wrong === undefined) return text
  throw new UsageError(`${flag} ${text}: ${wrong}`)
}

async function toFile(flag: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  const file = resolve(notEmpty(flag, path))
  const hint = `Looked for ${file}.`
  const found = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'no such file' : `cannot be looked at: ${cause.code}`
    throw new UsageError(`${flag} ${path}: ${why}`, { hint, cause })
  })
  const isDisk = flag === '--disk' && found.isBlockDevice()
  if (!found.isFile() && !isDisk) {
    const what = found.isDirectory() ? 'a folder' : 'no regular file'
    throw new UsageError(`${flag} ${path}: is ${what}, expected a file`, { hint })
  }
  await access(file, constants.R_OK).catch((cause) => {
    throw new UsageError(`${flag} ${path}: may not be read by this user`, { hint, cause })
  })
  return file
}

function unique<T>(values: T[]): T[] {
  return [...new Set(values)]
}
