/** The little of ELF that building an initramfs needs. Layout: System V ABI, "Object Files"; elf(5). */
import { UsageError } from '../harness/errors.ts'

/** e_machine values, as far as a message may want to name them. */
const machines: Record<number, string> = {
  3: 'x86',
  8: 'mips',
  20: 'ppc',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x86_64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loongarch64',
}

const dynamicTag = { end: 0, needed: 1, strtab: 5, soname: 14 } as const
const segmentType = { load: 1, dynamic: 2, interpreter: 3 } as const

export type ElfInfo = {
  /** x86_64, arm64, ppc64le, …; `machine 99` for one without a name here. */
  arch: string
  /** Program that runs this one, e.g. /lib64/ld-linux-x86-64.so.2; null for a static program or a library. */
  interpreter: string | null
  soname: string | null
  /** Names of the libraries it was linked with, in order. */
  needed: string[]
}

type Segment = { type: number; offset: number; address: number; size: number }

/** Name of the architecture that an e_machine value stands for. */
function machineName(machine: number): string {
  return machines[machine] ?? `machine ${machine}`
}

/** True when the bytes start like an ELF file. */
export function isElf(bytes: Buffer): boolean {
  return bytes.length >= 20 && bytes.readUInt32BE(0) === 0x7f454c46
}

/** Architecture of an ELF file whose first 20 bytes (or more) these are. */
export function elfArch(bytes: Buffer): string {
  if (bytes[5] === 2) return machineName(bytes.readUInt16BE(18))
  const name = machineName(bytes.readUInt16LE(18))
  // EM_PPC64 says nothing of the order of bytes; EI_DATA does.
  return name === 'ppc64' ? 'ppc64le' : name
}

/** Reads what a program or library needs at run time. Throws UsageError when it is no 64-bit little-endian ELF file. */
export function readElf(bytes: Buffer, fileName: string): ElfInfo {
  checkKind(bytes, fileName)
  return bounded(fileName, () => {
    const segments = readSegments(bytes)
    const text = (segment: Segment | undefined) =>
      segment ? cString(bytes, segment.offset, segment.offset + segment.size) : null
    const dynamic = segments.find(({ type }) => type === segmentType.dynamic)
    const interpreter = text(segments.find(({ type }) => type === segmentType.interpreter))
    const linked = dynamic ? readDynamic(bytes, segments, dynamic) : { soname: null, needed: [] }
    return { arch: elfArch(bytes), interpreter, ...linked }
  })
}

/** Content of one section of an object file, undefined when it has none of that name. Throws UsageError as readElf. */
export function readSection(bytes: Buffer, name: string, fileName: string): Buffer | undefined {
  checkKind(bytes, fileName)
  return bounded(fileName, () => {
    const table = Number(bytes.readBigUInt64LE(0x28))
    const [entrySize, count, namesIndex] = [0x3a, 0x3c, 0x3e].map((at) => bytes.readUInt16LE(at)) as [
      number,
      number,
      number,
    ]
    const section = (index: number) => {
      const at = table + index * entrySize
      return {
        name: bytes.readUInt32LE(at),
        offset: Number(bytes.readBigUInt64LE(at + 0x18)),
        size: Number(bytes.readBigUInt64LE(at + 0x20)),
      }
    }
    const names = section(namesIndex).offset
    for (let index = 1; index < count; index++) {
      const { name: nameAt, offset, size } = section(index)
      if (cString(bytes, names + nameAt) === name) return bytes.subarray(offset, offset + size)
    }
    return undefined
  })
}

function checkKind(bytes: Buffer, fileName: string): void {
  if (!isElf(bytes) || bytes.length < 64) throw new UsageError(`${fileName}: is not an ELF file`)
  if (bytes[4] !== 2 || bytes[5] !== 1) {
    throw new UsageError(`${fileName}: is an ELF file for ${elfArch(bytes)}, expected 64-bit little-endian`)
  }
}

/** Reads outside of the file throw RangeError: such a file is cut off or made up. */
function bounded<T>(fileName: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new UsageError(`${fileName}: is a damaged ELF file: a table points outside of it`, { cause })
  }
}

function readSegments(bytes: Buffer): Segment[] {
  const table = Number(bytes.readBigUInt64LE(0x20))
  const entrySize = bytes.readUInt16LE(0x36)
  return Array.from({ length: bytes.readUInt16LE(0x38) }, (_, index) => {
    const at = table + index * entrySize
    return {
      type: bytes.readUInt32LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 0x08)),
      address: Number(bytes.readBigUInt64LE(at + 0x10)),
      size: Number(bytes.readBigUInt64LE(at + 0x20)),
    }
  })
}

function readDynamic(
  bytes: Buffer,
  segments: Segment[],
  dynamic: Segment,
): Pick<ElfInfo, 'soname' | 'needed'> {
  const entries: { tag: number; value: number }[] = []
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const tag = Number(bytes.readBigUInt64LE(at))
    if (tag === dynamicTag.end) break
    entries.push({ tag, value: Number(bytes.readBigUInt64LE(at + 8)) })
  }
  const address = entries.find(({ tag }) => tag === dynamicTag.strtab)?.value
  if (address === undefined) return { soname: null, needed: [] }
  const strings = fileOffset(segments, address)
  const named = (wanted: number) =>
    entries.filter(({ tag }) => tag === wanted).map(({ value }) => cString(bytes, strings + value))
  return { soname: named(dynamicTag.soname)[0] ?? null, needed: named(dynamicTag.needed) }
}

function fileOffset(segments: Segment[], address: number): number {
  const holder = segments.find(
    ({ type, address: start, size }) =>
      type === segmentType.load && address >= start && address < start + size,
  )
  if (!holder) throw new RangeError('address in no segment')
  return address - holder.address + holder.offset
}

function cString(bytes: Buffer, start: number, limit = bytes.length): string {
  if (start >= bytes.length) throw new RangeError('string outside of the file')
  const end = bytes.indexOf(0, start)
  return bytes.toString('latin1', start, end === -1 ? limit : Math.min(end, limit))
}
