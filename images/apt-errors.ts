/** What apt says when something is wrong, as errors that a person can act on. */
import { type HarnessError, LabError, UsageError } from '../harness/errors.ts'
import { diskFull } from './cache.ts'

type Failure = { program: string; args: string[]; cache: string; suite: string; words: string }

const unreachable =
  /Temporary failure resolving|Could not resolve|Could not connect|Cannot initiate the connection|Connection (timed out|failed|refused)|Unable to connect|Network is unreachable|No route to host/

/** The error behind a failed apt command; the whole of apt's words are in its cause. */
export function aptFailure({ program, args, cache, suite, words }: Failure): HarnessError {
  const command = `${program} ${args.slice(0, 3).join(' ')}${args.length > 3 ? ' …' : ''}`
  const said = firstError(words)
  const cause = Object.assign(new Error(words), { words })
  if (/No space left on device|Disk quota exceeded|don't have enough free space/.test(words)) {
    return diskFull(cache, cause)
  }
  if (unreachable.test(words)) {
    return new LabError(`the package mirror can't be reached: ${said}`, {
      hint: 'check the network and the proxy (apt-config dump | grep -i proxy); the same shows with: apt-get update',
      cause,
    })
  }
  if (/NO_PUBKEY|is not signed|not valid yet|EXPKEYSIG|couldn't be verified/.test(words)) {
    return new LabError(`apt does not trust the archive of ${suite}: ${said}`, {
      hint: 'update the keys: apt-get install --only-upgrade debian-archive-keyring',
      cause,
    })
  }
  if (/does not have a Release file|no longer has a Release file/.test(words)) {
    return new LabError(`the package mirror does not have the suite ${suite}: ${said}`, {
      hint: 'choose another suite in the recipe, or set KEXEC_HARNESS_APT_SOURCES to a sources.list file that has it',
      cause,
    })
  }
  if (/Unable to locate package|has no installation candidate/.test(words)) {
    return new UsageError(`Debian ${suite}: ${said}`, { cause })
  }
  return new LabError(`${command} failed: ${said}`, {
    hint: 'try again; see apt itself with: apt-get update',
    cause,
  })
}

/** apt did nothing for so long that it was ended. */
export function stalled(program: string, args: readonly string[], cache: string, limitMs: number): LabError {
  return new LabError(`${program} ${args[0]} did nothing for ${limitMs / 1000} s and was ended`, {
    hint: `is the disk full (df -h ${cache}) or the mirror silent (apt-get update)?`,
  })
}

/** apt's own first error, or its first warning, without the letter in front. */
function firstError(words: string): string {
  const lines = words.split('\n')
  const found =
    lines.find((line) => line.startsWith('E: ')) ??
    lines.find((line) => line.startsWith('W: ')) ??
    lines.findLast((line) => line.trim() !== '')
  return (found ?? 'it said nothing').replace(/^[EW]: /, '').trim()
}
