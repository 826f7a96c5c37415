import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import test from 'ava'
import { UsageError } from '../harness/errors.ts'
import { makeArm64Image, makeBzImage, makeModule, makeProgram } from './fixtures.ts'
import { inspectKernel } from './kernel-file.ts'

let folder = ''
test.before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'kernel-'))
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

async function fileWith(name: string, bytes: Buffer): Promise<string> {
  const file = path.join(folder, name)
  await writeFile(file, bytes)
  return file
}

test('a bzImage tells its release and that it is for x86_64', async (t) => {
  const file = await fileWith('bzImage', makeBzImage('6.1.0-18-cloud-amd64'))
  t.deepEqual(await inspectKernel(file), {
    format: 'bzImage',
    arch: 'x86_64',
    release: '6.1.0-18-cloud-amd64',
  })
})

test('a 32-bit bzImage is not for x86_64', async (t) => {
  const file = await fileWith('bzImage32', makeBzImage('6.1.0', { is64: false }))
  await t.throwsAsync(inspectKernel(file, { arch: 'x86_64' }), {
    instanceOf: UsageError,
    message: /for x86 \(bzImage\)/,
  })
})

test('an arm64 Image tells its release, packed or not, wherever in the file it stands', async (t) => {
  const image = makeArm64Image('6.1.0-rc3+')
  t.deepEqual(await inspectKernel(await fileWith('Image', image)), {
    format: 'Image',
    arch: 'arm64',
    release: '6.1.0-rc3+',
  })
  t.deepEqual(await inspectKernel(await fileWith('Image.gz', gzipSync(image))), {
    format: 'Image.gz',
    arch: 'arm64',
    release: '6.1.0-rc3+',
  })
})

test('a vmlinux for POWER tells its release and that it is for ppc64le', async (t) => {
  const banner = Buffer.from(
    'Linux version 6.1.0-50-powerpc64le (debian-kernel@lists.debian.org)'.padEnd(200),
  )
  const file = await fileWith('vmlinux', Buffer.concat([makeProgram({ machine: 21 }), banner]))
  t.deepEqual(await inspectKernel(file, { arch: 'ppc64le' }), {
    format: 'vmlinux',
    arch: 'ppc64le',
    release: '6.1.0-50-powerpc64le',
  })
})

test('an EFI zboot kernel is unpacked to find its release', async (t) => {
  const packed = gzipSync(makeArm64Image('6.12.1'))
  const head = Buffer.alloc(0x1000)
  head.write('MZ')
  head.write('zimg', 4)
  head.writeUInt32LE(head.length, 8)
  head.writeUInt32LE(packed.length, 12)
  head.write('gzip', 24)
  head.writeUInt32LE(0x80, 0x3c)
  head.write('PE\0\0', 0x80)
  head.writeUInt16LE(0xaa64, 0x84)
  const file = await fileWith('vmlinuz.efi', Buffer.concat([head, packed, Buffer.alloc(100, 1)]))
  t.deepEqual(await inspectKernel(file), { format: 'EFI zboot', arch: 'arm64', release: '6.12.1' })
})

test('a kernel of the other architecture is refused', async (t) => {
  const file = await fileWith('other', makeArm64Image('6.1.0'))
  const error = await t.throwsAsync(inspectKernel(file, { arch: 'x86_64' }), { instanceOf: UsageError })
  t.regex(error.message, /is a kernel for arm64 \(Image\), the board is x86_64/)
  t.regex(error.hint!, /x86_64/)
})

const noKernels: [string, Buffer, RegExp][] = [
  ['empty', Buffer.alloc(0), /is empty, expected a kernel/],
  ['script', Buffer.from('#!/bin/sh\necho hello\n'), /is no kernel, it is text/],
  ['initrd', Buffer.from('070701'.padEnd(200, '0')), /a cpio archive, as an initramfs is/],
  ['program', makeProgram({ machine: 62 }), /an ELF file for x86_64/],
  ['module', makeModule(''), /an ELF file for x86_64/],
  ['one-byte', Buffer.from([0x1f]), /is no kernel/],
  ['cut-off.gz', gzipSync(Buffer.alloc(1000, 1)).subarray(0, 12), /gzip-compressed data/],
  ['bomb.gz', gzipSync(Buffer.alloc(1024 * 1024)), /gzip-compressed data/],
]
for (const [name, bytes, message] of noKernels) {
  test(`${name} is no kernel`, async (t) => {
    await t.throwsAsync(inspectKernel(await fileWith(name, bytes)), { instanceOf: UsageError, message })
  })
}

test('a missing kernel is answered with the nearest name beside it, a folder with what to do', async (t) => {
  await fileWith('vmlinuz-6.1', makeBzImage('6.1.0'))
  await t.throwsAsync(inspectKernel(path.join(folder, 'vmlinuz-6.2')), {
    message: /no such file; did you mean "vmlinuz-6.1"/,
  })
  const error = await t.throwsAsync(inspectKernel(folder), { instanceOf: UsageError, message: /is a folder/ })
  t.regex(error.hint!, /ls /)
  await t.throwsAsync(inspectKernel('/dev/zero'), { instanceOf: UsageError, message: /not a regular file/ })
})
