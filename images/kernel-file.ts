/** Looks into a kernel's file: what it is, for which architecture, and which release. */
import { constants, createReadStream } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import type { Transform } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { UsageError } from '../harness/errors.ts'
import { elfArch, isElf } from './elf.ts'
import { describeBytes, fileProblem } from './file-kind.ts'

export type KernelInfo = {
  format: 'bzImage' | 'Image' | 'Image.gz' | 'EFI zboot' | 'vmlinux'
  /** x86_64, arm64, ppc64le, or another one that the harness has no QEMU board for. */
  arch: string
  /** What `uname -r` will say; null where the file does not tell. */
  release: string | null
}

/** More than enough for every header that is looked at. */
const headBytes = 64 * 1024
/** The largest kernel that is searched, packed or not; real ones with everything built in stay below 200 MB. */
const maxBytes = 1024 * 1024 * 1024
const banner = 'Linux version '
/** A release is shorter than __NEW_UTS_LEN, 64; include/uapi/linux/utsname.h. */
const maxReleaseLength = 64

/**
 * Says what a kernel's file is, without loading it.
 * Throws UsageError: missing, a folder, empty, no kernel, or, where `arch` is given, one for another architecture.
 */
export async function inspectKernel(file: string, { arch }: { arch?: string } = {}): Promise<KernelInfo> {
  const head = await readHead(file, 'a kernel')
  const info = await recognize(file, head)
  if (!info) {
    throw new UsageError(`${file}: is no kernel, it is ${describeBytes(head)}`, {
      hint: 'Expected is what a bootloader loads: bzImage or vmlinuz on x86_64; Image, Image.gz or vmlinuz on arm64; vmlinux on ppc64le.',
    })
  }
  if (arch !== undefined && info.arch !== arch) {
    throw new UsageError(`${file}: is a kernel for ${info.arch} (${info.format}), the board is ${arch}`, {
      hint: `give a kernel for ${arch}, or choose a board that is ${info.arch}`,
    })
  }
  return info
}

/** The first bytes of a file. Throws UsageError: missing, a folder, not readable, empty. */
export async function readHead(file: string, wanted: string): Promise<Buffer> {
  let handle: FileHandle | undefined
  try {
    const info = await stat(file)
    if (!info.isFile()) throw notAFile(file, wanted, info.isDirectory())
    // Without O_NONBLOCK, a file that was replaced by a named pipe meanwhile would block for good.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
    const head = Buffer.alloc(headBytes)
    const { bytesRead } = await handle.read(head, 0, headBytes, 0)
    if (bytesRead === 0)
      throw new UsageError(`${file}: is empty, expected ${wanted}`, {
        hint: 'Was its build or copy cut short? Make it again.',
      })
    return head.subarray(0, bytesRead)
  } catch (error) {
    throw await fileProblem(file, wanted, error)
  } finally {
    await handle?.close()
  }
}

function notAFile(file: string, wanted: string, isFolder: boolean): UsageError {
  const what = isFolder ? 'is a folder' : 'is not a regular file'
  return new UsageError(`${file}: ${what}, expected ${wanted}`, {
    hint: isFolder ? `name the file in it; list them with: ls ${file}` : undefined,
  })
}

async function recognize(file: string, head: Buffer): Promise<KernelInfo | undefined> {
  if (isBzImage(head)) return readBzImage(head)
  const raw = rawImageArch(head)
  if (raw !== undefined) return { format: 'Image', arch: raw, release: await searchStream(file) }
  if (isZboot(head)) return await readZboot(file, head)
  if (isElf(head)) return await readVmlinux(file, head)
  if (head[0] === 0x1f && head[1] === 0x8b) return await readGzipped(file)
  return undefined
}

/** Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header". */
function isBzImage(head: Buffer): boolean {
  return head.length > 0x260 && head.readUInt16LE(0x1fe) === 0xaa55 && ascii(head, 0x202, 4) === 'HdrS'
}

function readBzImage(head: Buffer): KernelInfo {
  const pointer = head.readUInt16LE(0x20e)
  const text = pointer === 0 ? '' : ascii(head, pointer + 0x200, maxReleaseLength)
  // XLF_KERNEL_64; 32-bit kernels have the same header.
  const is64 = (head.readUInt16LE(0x236) & 1) === 1
  return { format: 'bzImage', arch: is64 ? 'x86_64' : 'x86', release: releaseIn(text) }
}

/** Documentation/arch/arm64/booting.rst and Documentation/arch/riscv/boot-image-header.rst. */
function rawImageArch(head: Buffer): string | undefined {
  if (head.length < 64) return undefined
  if (ascii(head, 56, 4) === 'ARM\x64') return 'arm64'
  if (ascii(head, 56, 4) === 'RSC\x05') return 'riscv64'
  // arch/arm/boot/compressed/head.S
  return head.readUInt32LE(0x24) === 0x016f2818 ? 'arm' : undefined
}

/** drivers/firmware/efi/libstub/zboot-header.S */
function isZboot(head: Buffer): boolean {
  return head.length > 0x200 && ascii(head, 0, 2) === 'MZ' && ascii(head, 4, 4) === 'zimg'
}

/** Machine types of the PE format that Linux has zboot for. */
const peMachines: Record<number, string> = {
  43620: 'arm64',
  34404: 'x86_64',
  20580: 'riscv64',
  25188: 'loongarch64',
}

async function readZboot(file: string, head: Buffer): Promise<KernelInfo> {
  const peHeader = head.readUInt32LE(0x3c)
  const machine = peHeader + 6 <= head.length ? head.readUInt16LE(peHeader + 4) : 0
  const arch = peMachines[machine] ?? `PE machine 0x${machine.toString(16)}`
  const start = head.readUInt32LE(8)
  const size = head.readUInt32LE(12)
  const compression = ascii(head, 24, 8)
  const unpack = { gzip: createGunzip, zstd: createZstdDecompress }[compression]
  // Others are packed in a way that Node can't unpack; the kernel itself will tell its release.
  const release =
    unpack && size > 0 ? await searchStream(file, unpack(), { start, end: start + size - 1 }) : null
  return { format: 'EFI zboot', arch, release }
}

async function readVmlinux(file: string, head: Buffer): Promise<KernelInfo | undefined> {
  // ET_EXEC or, for a relocatable kernel, ET_DYN; an object or a core dump is none.
  const type = head.readUInt16LE(16)
  if (type !== 2 && type !== 3) return undefined
  const arch = elfArch(head)
  const release = await searchStream(file)
  // A program is an ELF file too.
  return release === null ? undefined : { format: 'vmlinux', arch, release }
}

async function readGzipped(file: string): Promise<KernelInfo | undefined> {
  let arch: string | undefined
  const release = await searchStream(file, createGunzip(), {}, (start) => {
    arch = rawImageArch(start)
    return arch !== undefined
  })
  return arch === undefined ? undefined : { format: 'Image.gz', arch, release }
}

type Range = { start?: number; end?: number }

/**
 * Searches for the kernel's banner, holding no more than a few chunks in memory. `accepts` sees the first bytes and
 * can end the search. Damaged compressed data ends it too: whether the kernel is whole is not asked here.
 */
async function searchStream(
  file: string,
  unpack?: Transform,
  range: Range = {},
  accepts: (start: Buffer) => boolean = () => true,
): Promise<string | null> {
  const source = createReadStream(file, { ...range, highWaterMark: 1024 * 1024 })
  const stream = unpack ?? source
  if (unpack) {
    source.on('error', (error) => unpack.destroy(error))
    source.pipe(unpack)
  }
  try {
    return await searchChunks(stream, accepts)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code?.startsWith('Z_') || code?.startsWith('ZSTD_')) return null
    throw error
  } finally {
    source.destroy()
    stream.destroy()
  }
}

async function searchChunks(
  stream: AsyncIterable<Buffer>,
  accepts: (start: Buffer) => boolean,
): Promise<string | null> {
  let seen = 0
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    const window = Buffer.concat([rest, chunk])
    // Headers end at byte 64.
    if (seen === 0 && window.length < 64) {
      rest = window
      continue
    }
    if (seen === 0 && !accepts(window)) return null
    seen += chunk.length
    const release = bannerIn(window)
    if (release !== null || seen > maxBytes) return release
    rest = window.subarray(-(banner.length + maxReleaseLength))
  }
  return null
}

function bannerIn(window: Buffer): string | null {
  for (let at = window.indexOf(banner); at !== -1; at = window.indexOf(banner, at + 1)) {
    const from = at + banner.length
    if (from + maxReleaseLength > window.length) return null
    // The same words stand in messages too ("Linux version %s"), so what follows has to look like a release.
    const release = releaseIn(ascii(window, from, maxReleaseLength))
    if (release !== null) return release
  }
  return null
}

function releaseIn(text: string): string | null {
  return /^\d+\.\d+[\w.+~-]*(?= |\0|$)/.exec(text)?.[0] ?? null
}

function ascii(bytes: Buffer, start: number, length: number): string {
  const text = bytes.toString('latin1', start, start + length)
  const end = text.indexOf('\0')
  return end === -1 ? text : text.slice(0, end)
}
