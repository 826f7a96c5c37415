/** The values that a board descriptor is made of: sizes, patterns, names, lines of text. */
import { z } from 'zod'
import { isUrl, urlMistake } from '../../images/file-url.ts'
import { oneLine } from '../values.ts'

/** A name that is also part of file names and of socket paths, which have little room. */
export const boardName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
  .meta({ title: 'a name of letters, digits, ".", "_" and "-"', examples: ['qemu-x86_64'] })

/** A file: a path, or `https://HOST/FILE#sha256=…`. */
export const pathOrUrl = oneLine
  .superRefine((text, context) => {
    const wrong = isUrl(text) ? urlMistake(text) : undefined
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
  })
  .meta({ title: 'a path, or a URL with #sha256= at its end' })

const fileAddress = oneLine
  .superRefine((text, context) => {
    const wrong = urlMistake(withSum(text, '0'.repeat(64)))
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
  })
  .meta({ title: 'an http or https URL', description: 'Where the file is.' })
const sha256 = z
  .string()
  .regex(/^[0-9A-Fa-f]{64}$/)
  .meta({ title: '64 hexadecimal digits', description: 'What `sha256sum FILE` prints.' })

function withSum(url: string, sum: string): string {
  return `${url.replace(/#.*$/, '')}#sha256=${sum}`
}

/** A file as people write it: as above, or a URL and its checksum as keys. */
export const fileOrUrl = z.union([
  pathOrUrl,
  z.strictObject({ url: fileAddress, sha256 }).transform((file) => withSum(file.url, file.sha256)),
])

const sizeForm = /^(\d+(?:\.\d+)?)(M|MiB|G|GiB)$/

/** An amount of memory, parsed to MiB; a plain number is MiB, as QEMU reads it. */
export const sizeMiB = z
  .union([z.number(), z.string().regex(sizeForm)])
  .meta({ title: 'a size', examples: ['512M', '1G'] })
  .transform((written, context) => {
    const mib = mebibytes(written)
    if (Number.isInteger(mib) && mib >= 64 && mib <= 1024 * 1024) return mib
    context.addIssue({ code: 'custom', message: 'memory is a whole number of MiB, from 64M to 1024G' })
    return z.NEVER
  })

function mebibytes(written: string | number): number {
  if (typeof written === 'number') return written
  const [, amount = '', unit = ''] = sizeForm.exec(written) ?? []
  return Number(amount) * (unit.startsWith('G') ? 1024 : 1)
}

const pageBytes = 4096

/** A physical address at which a page begins, parsed to a number. */
export const pageAddress = z
  .union([z.number(), z.string().regex(/^0x[0-9A-Fa-f]{1,13}$/)])
  .meta({ title: 'a physical address', examples: ['0x0e000000'] })
  .transform((written, context) => {
    const address = Number(written)
    if (Number.isSafeInteger(address) && address >= 0 && address % pageBytes === 0) return address
    context.addIssue({ code: 'custom', message: 'an address is a multiple of 4 KiB, not below zero' })
    return z.NEVER
  })

const pagesForm = /^(\d+)(K|KiB|M|MiB)$/
const mostPagesBytes = 256 * 1024

/** A small amount of memory in whole pages, parsed to bytes; a plain number is bytes. */
export const pagesBytes = z
  .union([z.number(), z.string().regex(pagesForm)])
  .meta({ title: 'a size', examples: ['64K', '256K'] })
  .transform((written, context) => {
    const [, amount = '', unit = ''] = pagesForm.exec(String(written)) ?? []
    const bytes = amount === '' ? Number(written) : Number(amount) * (unit.startsWith('K') ? 1024 : 1024 ** 2)
    if (bytes > 0 && bytes <= mostPagesBytes && bytes % pageBytes === 0) return bytes
    context.addIssue({ code: 'custom', message: 'this size is a multiple of 4 KiB, up to 256K' })
    return z.NEVER
  })

/** The longest pattern that a person still reads. */
const longestPattern = 500

/** A JavaScript regular expression without flags, kept as its source and checked to compile. */
export const pattern = z
  .string()
  .min(1)
  .max(longestPattern)
  .meta({ title: `a regular expression of 1 to ${longestPattern} characters` })
  .superRefine((source, context) => {
    const wrong = patternError(source)
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong })
  })

function patternError(source: string): string | undefined {
  let compiled: RegExp
  try {
    compiled = new RegExp(source)
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^Invalid regular expression: /, '') : ''
    return `not a regular expression: ${reason}`
  }
  if (repeatsRepetition(source)) {
    return 'a repetition inside a repeated group, such as (a+)+, can take forever on a hostile line; write it without'
  }
  return compiled.test('') ? 'matches every line, even an empty one' : undefined
}

const unbounded = /^(?:[*+]|\{\d+,\})/

/** True for star height above one, the shape behind most catastrophic backtracking. */
function repeatsRepetition(source: string): boolean {
  const groups: { repeats: boolean }[] = [{ repeats: false }]
  let inClass = false
  for (let index = 0; index < source.length; index++) {
    const character = source[index]
    const repeated = unbounded.test(source.slice(index + 1, index + 12))
    if (character === '\\') index++
    else if (inClass) inClass = character !== ']'
    else if (character === '[') inClass = true
    else if (character === '(') groups.push({ repeats: false })
    else if (character === ')') {
      const inner = groups.length > 1 && groups.pop()?.repeats === true
      if (inner && repeated) return true
      groups.at(-1)!.repeats ||= inner || repeated
    } else if (unbounded.test(source.slice(index, index + 12))) groups.at(-1)!.repeats = true
  }
  return false
}
