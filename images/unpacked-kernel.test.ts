import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import test from 'ava'
import { execa } from 'execa'
import { makeBzImage } from './fixtures.ts'
import { unpackKernel } from './unpacked-kernel.ts'

let folder = ''
test.before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'unpacked-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

async function unpacked(name: string, bytes: Buffer): Promise<string | undefined> {
  const file = path.join(folder, name)
  await writeFile(file, bytes)
  return (await unpackKernel(file))?.toString('latin1')
}

/** A bzImage that carries these bytes, as arch/x86/boot lays it out. */
function bzImageWith(payload: Buffer): Buffer {
  const head = makeBzImage('6.1.0')
  head[0x1f1] = head.length / 512 - 1
  head.writeUInt32LE(0x40, 0x248)
  head.writeUInt32LE(payload.length, 0x24c)
  return Buffer.concat([head, Buffer.alloc(0x40), payload, Buffer.alloc(3000, 7)])
}

const vmlinux = Buffer.from('vmlinux '.repeat(100))
const size = Buffer.alloc(4)
size.writeUInt32LE(vmlinux.length)

/** LZ4's legacy frame: 8 literals, then a match of 792 bytes that overlaps what it makes, then 0 literals. */
const lz4 = Buffer.concat([
  Buffer.from('02214c18', 'hex'),
  Buffer.from([8 + 1 + 2 + 4 + 1, 0, 0, 0]),
  Buffer.from([0x8f]),
  vmlinux.subarray(0, 8),
  // 792 = 4 + 15 + 3 * 255 + 8
  Buffer.from([8, 0, 255, 255, 255, 8, 0]),
])

const payloads: [string, () => Promise<Buffer>][] = [
  ['gzip', async () => gzipSync(vmlinux)],
  ['zstd', async () => Buffer.concat([zstdCompressSync(vmlinux), size])],
  ['lz4', async () => Buffer.concat([lz4, size])],
  [
    'xz',
    async () => {
      const { stdout } = await execa('xz', ['--check=crc32'], { input: vmlinux, encoding: 'buffer' })
      return Buffer.concat([stdout, size])
    },
  ],
]

for (const [name, pack] of payloads) {
  test(`a bzImage packed by ${name} gives its vmlinux`, async (t) => {
    const payload = await pack()
    t.is(await unpacked(name, bzImageWith(payload)), vmlinux.toString())
  })

  test(`a bzImage damaged inside of its ${name} gives nothing, or something that is no vmlinux`, async (t) => {
    const payload = await pack()
    payload.fill(0xff, 8, 14)
    t.not(await unpacked(`damaged-${name}`, bzImageWith(payload)), vmlinux.toString())
  })
}

test('arm64 kernels are taken as they are, or out of their gzip', async (t) => {
  t.is(await unpacked('Image', vmlinux), vmlinux.toString())
  t.is(await unpacked('Image.gz', gzipSync(vmlinux)), vmlinux.toString())
})
