/** What a file looks like, for a message about one that is not what was expected. */
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { HarnessError, UsageError } from '../harness/errors.ts'
import { didYouMean } from '../harness/nearest.ts'
import { elfArch, isElf } from './elf.ts'

/** First bytes, as hexadecimal, and what begins with them. */
const kinds: readonly [string, string][] = [
  ['1f8b', 'gzip-compressed data'],
  ['fd377a585a00', 'xz-compressed data'],
  ['28b52ffd', 'zstd-compressed data'],
  ['425a68', 'bzip2-compressed data'],
  ['5d0000', 'lzma-compressed data'],
  ['02214c18', 'lz4-compressed data'],
  ['04224d18', 'lz4-compressed data (frame format, which the kernel does not unpack)'],
  ['894c5a4f', 'lzo-compressed data'],
  ['303730373031', 'a cpio archive, as an initramfs is'],
  ['303730373032', 'a cpio archive, as an initramfs is'],
  ['3037303730', 'a cpio archive in the old format, which the kernel does not unpack'],
  ['27051956', 'a U-Boot image (uImage); extract it with dumpimage'],
  ['d00dfeed', 'a device tree or FIT image; extract it with dumpimage'],
  ['213c617263683e0a', 'an archive, perhaps a .deb package; unpack it with dpkg-deb -x'],
  ['514649fb', 'a qcow2 disk image'],
  ['504b0304', 'a zip archive'],
  ['4d5a', 'an EFI or Windows program'],
]

/** A few words for what the bytes are the beginning of. */
export function describeBytes(head: Buffer): string {
  if (isElf(head)) return `an ELF file for ${elfArch(head)}`
  const hex = head.subarray(0, 16).toString('hex')
  const known = kinds.find(([magic]) => hex.startsWith(magic))
  if (known) return known[1]
  const start = head.subarray(0, 512)
  const isText = start.every(
    (byte) => (byte >= 0x20 && byte < 0x7f) || byte === 10 || byte === 13 || byte === 9,
  )
  return isText ? 'text' : `data of an unknown kind (it begins with ${head.subarray(0, 8).toString('hex')})`
}

/** The error for a file that can't be read, with the nearest name in its folder when it is not there. */
export async function fileProblem(file: string, wanted: string, error: unknown): Promise<unknown> {
  if (error instanceof HarnessError) return error
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  if (code !== 'ENOENT' && code !== 'ENOTDIR') {
    return new UsageError(`${file}: can't be read (${code}), expected ${wanted}`, { cause: error })
  }
  const names = await readdir(path.dirname(file)).catch(() => [])
  const near = didYouMean(path.basename(file), names.slice(0, 1000))
  return new UsageError(`${file}: no such file${near}`, { hint: `expected ${wanted}`, cause: error })
}
