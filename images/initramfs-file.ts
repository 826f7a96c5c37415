/** Looks into an initramfs's file: whether it is whole, how it is packed, and for which architecture. */
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { UsageError } from '../harness/errors.ts'
import { ByteReader } from './byte-reader.ts'
import { type ArchiveFacts, CpioError, newFacts, walkArchive, walkArchives } from './cpio-reader.ts'
import { describeBytes } from './file-kind.ts'
import { readHead } from './kernel-file.ts'
import { type Compression, compressionOf, Unpacker } from './unpacker.ts'

export type InitramfsInfo = {
  /** How each part is packed, in order: early microcode is a part of its own. */
  parts: ('none' | Compression)[]
  /** Architecture of most programs in it; null when none was found. */
  arch: string | null
  entries: number
  /** Whether it has /init; without, the kernel goes on to look for a root file system. */
  hasInit: boolean
  /** False when a part could not be looked into, because the program that unpacks it is not here. */
  checked: boolean
}

const wanted = 'an initramfs (a cpio archive, usually compressed)'
const hint = 'Copy it again, or make it again; compare with: sha256sum'

/**
 * Walks through an initramfs to its end, as the kernel does, holding only a few chunks in memory.
 * Throws UsageError: missing, a folder, empty, no initramfs, cut off or damaged (says at which byte), or, where
 * `arch` is given, one with programs for another architecture.
 */
export async function inspectInitramfs(
  file: string,
  { arch, signal }: { arch?: string; signal?: AbortSignal } = {},
): Promise<InitramfsInfo> {
  const head = await readHead(file, wanted)
  const { size } = await stat(file)
  const facts = newFacts()
  const info: InitramfsInfo = { parts: [], arch: null, entries: 0, hasInit: false, checked: true }
  for (let at = 0; at < size; ) {
    signal?.throwIfAborted()
    const start = await peek(file, at)
    if (start[0] === 0) at += zerosAt(start)
    else if (at % 4 === 0 && start.toString('latin1', 0, 4) === '0707')
      at = await walkPlain(file, at, facts, info)
    else at = await walkPacked({ file, at, size, start, facts, info, signal, head })
  }
  if (info.parts.length === 0) throw new UsageError(`${file}: holds only zeros, expected ${wanted}`)
  Object.assign(info, { arch: mostCommon(facts.machines), entries: facts.entries, hasInit: facts.hasInit })
  if (arch !== undefined && info.arch !== null && info.arch !== arch) {
    throw new UsageError(`${file}: is an initramfs with programs for ${info.arch}, the board is ${arch}`, {
      hint: `give an initramfs for ${arch}, or choose a board that is ${info.arch}`,
    })
  }
  return info
}

async function walkPlain(
  file: string,
  at: number,
  facts: ArchiveFacts,
  info: InitramfsInfo,
): Promise<number> {
  const source = createReadStream(file, { start: at, highWaterMark: 1024 * 1024 })
  try {
    const reader = new ByteReader(source)
    await walkArchive(reader, facts)
    info.parts.push('none')
    return at + reader.position
  } catch (error) {
    if (!(error instanceof CpioError)) throw error
    const where = `at byte ${at + error.offset}`
    throw new UsageError(
      `${file}: ${error.cutOff ? 'is cut off' : 'is damaged'} ${where}: ${error.message}`,
      { hint },
    )
  } finally {
    source.destroy()
  }
}

type Packed = {
  file: string
  at: number
  size: number
  start: Buffer
  head: Buffer
  facts: ArchiveFacts
  info: InitramfsInfo
  signal: AbortSignal | undefined
}

/** Walks what is packed in one compressed part; returns where the next part begins. */
async function walkPacked({ file, at, size, start, head, facts, info, signal }: Packed): Promise<number> {
  const compression = compressionOf(start)
  if (compression === undefined) {
    if (at === 0)
      throw new UsageError(`${file}: is no initramfs, it is ${describeBytes(head)}`, {
        hint: `expected ${wanted}`,
      })
    throw new UsageError(
      `${file}: is damaged at byte ${at}: neither a cpio archive nor compressed data begins there`,
      { hint },
    )
  }
  info.parts.push(compression)
  await using unpacker = new Unpacker(file, at, compression, signal)
  let whole = 0
  try {
    whole = await walkArchives(new ByteReader(unpacker.output()), facts)
  } catch (error) {
    if (!(error instanceof CpioError)) throw error
    const failure = await unpacker.failure()
    if (failure?.kind === 'missing') {
      info.checked = false
      return size
    }
    if (failure) throw damaged(file, compression, failure, at, size)
    const what = error.entries === 0 ? 'unpacks to something that is no cpio archive' : 'is damaged'
    throw new UsageError(`${file}: ${what}: ${error.message}, at byte ${error.offset} of what is unpacked`, {
      hint,
    })
  }
  const failure = await unpacker.failure()
  if (failure?.kind === 'missing') info.checked = false
  // What follows the last archive may be something that this format's unpacker does not know.
  else if (failure && !(failure.kind === 'damaged' && whole > 0 && compression !== 'gzip')) {
    throw damaged(file, compression, failure, at, size)
  }
  return unpacker.consumed === undefined ? size : at + Math.max(1, unpacker.consumed)
}

function damaged(
  file: string,
  compression: Compression,
  failure: { kind: string; message: string; offset?: number },
  at: number,
  size: number,
): UsageError {
  if (failure.kind === 'cut off') {
    return new UsageError(`${file}: is cut off at byte ${size}: its ${compression} data goes on after that`, {
      hint,
    })
  }
  const where = failure.offset === undefined ? '' : ` near byte ${at + failure.offset}`
  return new UsageError(`${file}: its ${compression} data is damaged${where}: ${failure.message}`, { hint })
}

async function peek(file: string, at: number): Promise<Buffer> {
  await using handle = await open(file)
  const bytes = Buffer.alloc(64 * 1024)
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, at)
  if (bytesRead === 0) throw new UsageError(`${file}: became shorter while it was read`)
  return bytes.subarray(0, bytesRead)
}

function zerosAt(bytes: Buffer): number {
  const end = bytes.findIndex((byte) => byte !== 0)
  return end === -1 ? bytes.length : end
}

function mostCommon(counts: ReadonlyMap<string, number>): string | null {
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null
}
