/** What u-root's menu says, read from the console's text: its list is longer than a screen (pkg/boot/menu of u-root). */
import { withoutKernelMessages } from '../console/kernel-lines.ts'

/** A line of the menu, with the number that chooses it. */
export type NumberedEntry = { number: number; label: string }

/** The list as it was printed last. */
export type ShownList = {
  entries: readonly NumberedEntry[]
  /** Numbers go up from 01 without a hole, to the two lines that every menu ends with: nothing of it was lost. */
  whole: boolean
}

/** The lines that every menu ends with; they boot nothing. */
const rebootLabel = 'Reboot'
export const shellLabel = 'Enter a LinuxBoot shell'

/** Go's standard logger puts this before what it says. */
const logStamp = String.raw`\d{4}/\d\d/\d\d \d\d:\d\d:\d\d `
const stamped = new RegExp(`^(?:\\w+: )?${logStamp}`)

/**
 * What u-root says in the course of a boot that went wrong, with its stamp, or that its menu is there again. Messages
 * and menu come through different pipes, so that either may be first.
 */
export const turn = new RegExp(
  `${logStamp}(?:Failed to (?:load|exec) |Nothing to boot|Kexec should have)|is the default(?:, 'e' to edit kernel cmdline)?\\):`,
)

/** What u-root prints on the way and what is no error. */
const noise = [
  /Failed to load universalpayload \(.*\), try legacy kernel\.\./,
  // Both of `kexec -L`: nothing checks the signature, with which Debian's kernels come.
  /WARNING! The image is signed but the signature is being ignored\./,
  /Elf file: &elf\.File\{/,
  // The other protocol's, where one of them has an answer.
  /Could not configure \S+ for IPv6: /,
]

/** The text as lines, without what the kernel said in between. */
function linesOf(text: string): string[] {
  return withoutKernelMessages(text).text.replace(/\r+/g, '').split('\n')
}

/** The list that was printed last; undefined where none was. */
export function readList(text: string): ShownList | undefined {
  const numbered = linesOf(text).flatMap((line): NumberedEntry[] => {
    const found = /^(\d{2,})\. (.+)$/.exec(line)
    return found ? [{ number: Number(found[1]), label: found[2]! }] : []
  })
  const first = numbered.findLastIndex(
    ({ number }, index) => number <= (numbered[index - 1]?.number ?? number),
  )
  const entries = numbered.slice(Math.max(0, first))
  if (entries.length === 0) return undefined
  const inOrder = entries.every(({ number }, index) => number === index + 1)
  const [reboot, shell] = entries.slice(-2).map(({ label }) => label)
  return { entries, whole: inOrder && reboot === rebootLabel && shell === shellLabel }
}

/** Entries that boot something, in the menu's order. The first is what is booted when nothing is chosen. */
export function bootEntries({ entries }: ShownList): readonly NumberedEntry[] {
  const last = entries.at(-1)?.label === shellLabel ? entries.slice(0, -1) : entries
  return last.at(-1)?.label === rebootLabel ? last.slice(0, -1) : last
}

/** Why something failed, in u-root's words: the cause first, then what it says of it. */
export type Failure = { label: string | null; message: string }

/** The failures that the text tells of whole, oldest first. */
export function readFailures(text: string): Failure[] {
  const lines = linesOf(text)
  return lines.flatMap((line, index) => {
    if (!stamped.test(line)) return []
    const said = line.replace(stamped, '')
    if (isNoise(said)) return []
    if (/^Failed to (?:load|exec|boot) /.test(said)) return failureAt(lines, index, said)
    return /^(?:Nothing to boot|Kexec should have|Netboot failed)/.test(said)
      ? [{ label: null, message: said }]
      : []
  })
}

/** An image prints itself over several lines, and the cause comes after its closing bracket. */
function failureAt(lines: readonly string[], index: number, said: string): Failure[] {
  const label = /^Failed to load (.*?): could not load image /.exec(said)?.[1] ?? null
  if (!said.endsWith('(')) return index < lines.length - 1 ? [{ label, message: said }] : []
  const length = lines.slice(index + 1, index + 20).findIndex((line) => line.startsWith(': ')) + 1
  // A line that has not ended yet may be cut.
  if (length === 0 || index + length === lines.length - 1) return []
  const cause = lines[index + length]!.slice(2)
  return [{ label, message: [cause, said, ...lines.slice(index + 1, index + length)].join('\n') }]
}

/** The label of the image that u-root says it attempts to boot by itself; undefined where it says none. */
export function readAttempts(text: string): string[] {
  return linesOf(text).flatMap((line, index, lines) => {
    if (line !== 'Attempting to boot LinuxImage(') return []
    const name = /^ {2}Name: (.*)$/.exec(lines[index + 1] ?? '')?.[1]
    return name !== undefined && index + 1 < lines.length - 1 ? [name] : []
  })
}

/** An entry that `localboot -grub` lists, with the number that `-config` takes. */
export type LocalEntry = NumberedEntry

/** The entries that `localboot -grub` listed last: it shows what follows `menuentry`, quotes, bracket and all. */
export function readLocalEntries(text: string): readonly LocalEntry[] {
  const listed = linesOf(text).flatMap((line): LocalEntry[] => {
    const found = /^ {2}(\d+): (.+?)(?: \{)?$/.exec(line.replace(stamped, ''))
    return found ? [{ number: Number(found[1]), label: unquoteWord(found[2]!) }] : []
  })
  return listed.slice(listed.findLastIndex(({ number }) => number === 0))
}

/** A word as GRUB has it, without its quotes. */
function unquoteWord(word: string): string {
  return word.replaceAll(
    /'([^']*)'|"([^"]*)"/g,
    (_, single?: string, double?: string) => single ?? double ?? '',
  )
}

/** A kernel command line as the menu's editor shows it, quoted as in Go; undefined where the text has none. */
export function readCommandLines(text: string): string[] {
  return linesOf(text).flatMap((line) => {
    const found = /^ > (".*")$/.exec(line)
    return found ? [unquote(found[1]!)] : []
  })
}

/** Go's %q of printable ASCII is JSON's; other escapes are kept as they are shown. */
function unquote(quoted: string): string {
  try {
    return String(JSON.parse(quoted))
  } catch {
    return quoted.slice(1, -1)
  }
}

/** Output of u-root's commands without what is no error. */
export function withoutNoise(output: string): string {
  return output
    .split('\n')
    .filter((line) => !isNoise(line))
    .join('\n')
}

function isNoise(line: string): boolean {
  return noise.some((pattern) => pattern.test(line))
}
