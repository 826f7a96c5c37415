/**
 * Writes cpio archives in the "newc" format, which is what the kernel unpacks as an initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Same entries, same bytes: sorted by name, owned by
 * root, no times.
 */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'

export type CpioEntry =
  | { type: 'folder'; name: string; mode?: number }
  | { type: 'file'; name: string; mode?: number; content: Uint8Array | { path: string } }
  | { type: 'link'; name: string; target: string }
  | { type: 'device'; name: string; mode?: number; major: number; minor: number }

const fileType = { folder: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const
const trailer = 'TRAILER!!!'
/** filesize is a field of eight hexadecimal digits. */
const maxFileBytes = 0xffffffff

/** The archive as chunks, padded with zeros to a multiple of `alignment` bytes (at least 4, the format's own). */
export async function* cpioArchive(entries: readonly CpioEntry[], alignment = 4): AsyncGenerator<Uint8Array> {
  let written = 0
  let inode = 0
  for (const entry of withParents(entries)) {
    for await (const chunk of encodeEntry(entry, ++inode)) {
      written += chunk.length
      yield chunk
    }
  }
  const end = header({ name: trailer, inode: 0, mode: 0, links: 1, size: 0 })
  written += end.length
  yield end
  yield zeros(padding(written, alignment))
}

/** Entries sorted so that a folder comes before what it holds, folders that nobody named added. */
function withParents(entries: readonly CpioEntry[]): CpioEntry[] {
  const byName = new Map<string, CpioEntry>()
  for (const entry of entries) {
    if (byName.has(entry.name)) throw new Error(`two cpio entries are named ${entry.name}`)
    byName.set(entry.name, entry)
  }
  for (const { name } of entries) {
    const parts = name.split('/')
    for (let length = 1; length < parts.length; length++) {
      const parent = parts.slice(0, length).join('/')
      if (!byName.has(parent)) byName.set(parent, { type: 'folder', name: parent })
    }
  }
  return [...byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function* encodeEntry(entry: CpioEntry, inode: number): AsyncGenerator<Uint8Array> {
  const common = { name: entry.name, inode }
  if (entry.type === 'folder') {
    yield header({ ...common, mode: fileType.folder | (entry.mode ?? 0o755), links: 2, size: 0 })
  } else if (entry.type === 'device') {
    const mode = fileType.device | (entry.mode ?? 0o600)
    yield header({ ...common, mode, links: 1, size: 0, device: entry })
  } else if (entry.type === 'link') {
    const target = Buffer.from(entry.target)
    yield header({ ...common, mode: fileType.link | 0o777, links: 1, size: target.length })
    yield padded(target)
  } else {
    yield* encodeFile(entry, inode)
  }
}

async function* encodeFile(
  { name, mode = 0o644, content }: Extract<CpioEntry, { type: 'file' }>,
  inode: number,
): AsyncGenerator<Uint8Array> {
  const size = content instanceof Uint8Array ? content.length : (await stat(content.path)).size
  if (size > maxFileBytes) throw new RangeError(`${name} has ${size} bytes, too large for a cpio archive`)
  yield header({ name, inode, mode: fileType.file | mode, links: 1, size })
  if (content instanceof Uint8Array) {
    yield content
  } else if (size > 0) {
    // Exactly what the header promised, also when somebody appends to the file meanwhile.
    let read = 0
    for await (const chunk of createReadStream(content.path, { end: size - 1, highWaterMark: 1024 * 1024 })) {
      read += (chunk as Buffer).length
      yield chunk as Buffer
    }
    if (read !== size) throw new Error(`${content.path} became shorter while it was read`)
  }
  yield zeros(padding(size, 4))
}

type Header = {
  name: string
  inode: number
  mode: number
  links: number
  size: number
  device?: { major: number; minor: number }
}

function header({ name, inode, mode, links, size, device = { major: 0, minor: 0 } }: Header): Buffer {
  const nameBytes = Buffer.from(`${name}\0`)
  const owner = [0, 0]
  const time = 0
  const fields = [
    inode,
    mode,
    ...owner,
    links,
    time,
    size,
    0,
    0,
    device.major,
    device.minor,
    nameBytes.length,
    0,
  ]
  const hex = fields.map((field) => field.toString(16).padStart(8, '0')).join('')
  return padded(Buffer.concat([Buffer.from(`070701${hex}`), nameBytes]))
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, zeros(padding(bytes.length, 4))])
}

function padding(length: number, alignment: number): number {
  return (alignment - (length % alignment)) % alignment
}

function zeros(length: number): Buffer {
  return Buffer.alloc(length)
}
