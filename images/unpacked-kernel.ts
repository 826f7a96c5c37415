/** A kernel without the wrapping that it is booted in: x86's vmlinux, arm64's Image. */
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip, zstdDecompress } from 'node:zlib'
import { execa } from 'execa'
import { unpackLz4 } from './lz4.ts'

/** More than any kernel is, unpacked. */
const maxBytes = 512 * 1024 * 1024

const bigger = { maxOutputLength: maxBytes }
const unpackers: Record<string, (packed: Buffer) => Promise<Buffer>> = {
  '1f8b': (packed) => promisify(gunzip)(packed, bigger),
  fd377a58: unpackXz,
  '28b52ffd': (packed) => promisify(zstdDecompress)(packed, bigger),
  '02214c18': async (packed) => unpackLz4(packed),
}

/**
 * The bytes of the kernel in a bzImage, Image, Image.gz or vmlinux; undefined where they are packed in a way that
 * nothing here can unpack, or damaged. Throws what reading the file throws.
 */
export async function unpackKernel(file: string): Promise<Buffer | undefined> {
  const bytes = await readFile(file)
  const packed = payloadOf(bytes)
  const start = packed.toString('hex', 0, 4)
  const unpack = Object.entries(unpackers).find(([magic]) => start.startsWith(magic))?.[1]
  return unpack ? await unpack(packed).catch(() => undefined) : packed
}

/** What a bzImage carries; any other file is itself. Source: Documentation/arch/x86/boot.rst. */
function payloadOf(bytes: Buffer): Buffer {
  if (bytes.length < 0x260 || bytes.toString('latin1', 0x202, 0x206) !== 'HdrS') return bytes
  const setupSectors = bytes[0x1f1] || 4
  const start = (setupSectors + 1) * 512 + bytes.readUInt32LE(0x248)
  const payload = bytes.subarray(start, start + bytes.readUInt32LE(0x24c))
  // Behind all but gzip's, the build adds the unpacked size; arch/x86/boot/compressed/Makefile, scripts/Makefile.lib.
  return payload[0] === 0x1f ? payload : payload.subarray(0, -4)
}

/** Node has no xz. */
async function unpackXz(packed: Buffer): Promise<Buffer> {
  const { stdout } = await execa('xz', ['-dc'], { input: packed, encoding: 'buffer', maxBuffer: maxBytes })
  return Buffer.from(stdout)
}
