/** Walks cpio archives in the "newc" format as the kernel's init/initramfs.c does, keeping only facts about them. */
import type { ByteReader } from './byte-reader.ts'
import { elfArch, isElf } from './elf.ts'

/** What a walk through archives found. */
export type ArchiveFacts = {
  entries: number
  hasInit: boolean
  /** How many ELF files there are for each architecture. */
  machines: Map<string, number>
}

/** Nothing found yet. */
export function newFacts(): ArchiveFacts {
  return { entries: 0, hasInit: false, machines: new Map() }
}

/** An archive that is not whole. */
export class CpioError extends Error {
  /** Where, counted from the start of the stream. */
  readonly offset: number
  readonly cutOff: boolean
  /** Entries that were whole. */
  readonly entries: number

  constructor(message: string, at: { offset: number; cutOff: boolean; entries: number }) {
    super(message)
    this.offset = at.offset
    this.cutOff = at.cutOff
    this.entries = at.entries
  }
}

const headerBytes = 110
const trailer = 'TRAILER!!!'
/** PATH_MAX: the kernel leaves out entries with a longer name. */
const maxNameBytes = 4096
/** A bound on what a small file may unpack to. */
const maxStreamBytes = 16 * 1024 ** 3
const regularFile = 0o100000
const fileTypeMask = 0o170000
/** Enough for an ELF file's kind and machine. */
const elfHeadBytes = 20

/** Walks archive after archive, padded with zeros, to the end of the stream; returns how many there were. */
export async function walkArchives(reader: ByteReader, facts: ArchiveFacts): Promise<number> {
  let archives = 0
  while (await reader.skipZeros()) {
    await walkArchive(reader, facts)
    archives++
  }
  if (archives > 0) return archives
  throw new CpioError('it is empty', { offset: reader.position, cutOff: true, entries: 0 })
}

/** Walks one archive to its trailer. Throws CpioError. */
export async function walkArchive(reader: ByteReader, facts: ArchiveFacts): Promise<void> {
  const start = reader.position
  const entriesBefore = facts.entries
  const fail = (message: string, cutOff: boolean, offset = reader.position) =>
    new CpioError(message, { offset, cutOff, entries: facts.entries - entriesBefore })
  for (;;) {
    const at = reader.position
    if (at > maxStreamBytes) throw fail(`it unpacks to more than ${maxStreamBytes / 1024 ** 3} GiB`, false)
    const header = await reader.read(headerBytes)
    if (header.length < headerBytes) throw fail('the archive has no end (no TRAILER!!! entry)', true)
    const { mode, size, nameSize } = parseHeader(header) ?? {}
    if (mode === undefined || size === undefined || nameSize === undefined) {
      throw fail('no header of a cpio entry in the "newc" format', false, at)
    }
    if (nameSize < 1 || nameSize > maxNameBytes)
      throw fail(`an entry's name has ${nameSize} bytes`, false, at)
    const name = await readName(reader, nameSize, start)
    if (name === undefined) throw fail("the archive ends in an entry's name", true)
    if (name === trailer) return
    if (!(await readContent(reader, { name, mode, size, start }, facts))) {
      throw fail(`the archive ends in the content of ${JSON.stringify(name)}`, true)
    }
    facts.entries++
    if (/^(\.?\/)*init$/.test(name)) facts.hasInit = true
  }
}

function parseHeader(header: Buffer): { mode: number; size: number; nameSize: number } | undefined {
  const text = header.toString('latin1')
  if (!/^07070[12][0-9a-fA-F]{104}$/.test(text)) return undefined
  const field = (index: number) => Number.parseInt(text.slice(6 + index * 8, 14 + index * 8), 16)
  return { mode: field(1), size: field(6), nameSize: field(11) }
}

async function readName(reader: ByteReader, length: number, start: number): Promise<string | undefined> {
  const bytes = await reader.read(length)
  if (bytes.length < length) return undefined
  await align(reader, start)
  return bytes.toString('utf8', 0, length - 1)
}

type Entry = { name: string; mode: number; size: number; start: number }

async function readContent(reader: ByteReader, entry: Entry, facts: ArchiveFacts): Promise<boolean> {
  const head = await reader.read(Math.min(entry.size, elfHeadBytes))
  const rest = entry.size - head.length
  if (rest > 0 && (await reader.skip(rest)) < rest) return false
  if (head.length < Math.min(entry.size, elfHeadBytes)) return false
  await align(reader, entry.start)
  if ((entry.mode & fileTypeMask) === regularFile && isElf(head)) {
    const arch = elfArch(head)
    facts.machines.set(arch, (facts.machines.get(arch) ?? 0) + 1)
  }
  return true
}

/** Names and contents are padded to four bytes, counted from the archive's start. */
async function align(reader: ByteReader, start: number): Promise<void> {
  await reader.skip((4 - ((reader.position - start) % 4)) % 4)
}
