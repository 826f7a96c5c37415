import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import test from 'ava'
import { execa } from 'execa'
import { UsageError } from '../harness/errors.ts'
import { cpioArchive } from './cpio.ts'
import { makeProgram } from './fixtures.ts'
import { inspectInitramfs } from './initramfs-file.ts'

let folder = ''
let archive: Buffer
let microcode: Buffer
test.before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'initramfs-'))
  const noise = Buffer.from(Array.from({ length: 50_000 }, (_, index) => (index * 7919 * index) % 251))
  archive = await buffer(
    cpioArchive([
      { type: 'file', name: 'init', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
      { type: 'file', name: 'bin/busybox', mode: 0o755, content: makeProgram({ machine: 183 }) },
      { type: 'file', name: 'data', content: noise },
    ]),
  )
  microcode = await buffer(
    cpioArchive(
      [{ type: 'file', name: 'kernel/x86/microcode/GenuineIntel.bin', content: Buffer.alloc(1000, 3) }],
      512,
    ),
  )
})
test.after.always(() => rm(folder, { recursive: true, force: true }))

async function fileWith(name: string, ...parts: Buffer[]): Promise<string> {
  const file = path.join(folder, name)
  await writeFile(file, Buffer.concat(parts))
  return file
}

async function compress(program: string, args: string[]): Promise<Buffer> {
  const { stdout } = await execa(program, args, { input: archive, encoding: 'buffer' })
  return Buffer.from(stdout)
}

const whole = { arch: 'arm64', hasInit: true, checked: true }

test('an archive is walked to its end, however it is packed', async (t) => {
  const packed: [string, Buffer][] = [
    ['none', archive],
    ['gzip', gzipSync(archive)],
    ['zstd', zstdCompressSync(archive)],
    ['xz', await compress('xz', ['-c', '--check=crc32'])],
  ]
  for (const [name, bytes] of packed) {
    t.like(
      await inspectInitramfs(await fileWith(`whole.${name}`, bytes)),
      { ...whole, parts: [name], entries: 4 },
      name,
    )
  }
})

test('early microcode in front and more archives behind are parts of it', async (t) => {
  const padding = Buffer.alloc((4 - (gzipSync(archive).length % 4)) % 4)
  const file = await fileWith('parts', microcode, gzipSync(archive), padding, microcode)
  t.like(await inspectInitramfs(file), { ...whole, parts: ['none', 'gzip', 'none'], entries: 12 })
  t.like(await inspectInitramfs(await fileWith('front', microcode, zstdCompressSync(archive))), {
    ...whole,
    parts: ['none', 'zstd'],
  })
})

test('a cut-off initramfs is refused, wherever it was cut', async (t) => {
  const packed: [string, Buffer][] = [
    ['none', archive],
    ['gzip', gzipSync(archive)],
    ['zstd', zstdCompressSync(archive)],
    ['xz', await compress('xz', ['-c', '--check=crc32'])],
  ]
  for (const [name, bytes] of packed) {
    for (const part of [0.1, 0.5, 0.9, 0.999]) {
      const length = Math.floor((bytes.length - 20) * part)
      const file = await fileWith(`cut.${name}`, bytes.subarray(0, length))
      const error = await t.throwsAsync(inspectInitramfs(file), { instanceOf: UsageError }, `${name} ${part}`)
      t.regex(error.message, new RegExp(`is cut off at byte ${length}`), `${name} ${part}`)
      t.truthy(error.hint)
    }
  }
})

test('a flipped byte is found in compressed data', async (t) => {
  const bytes = gzipSync(archive)
  bytes[bytes.length >> 1]! ^= 0xff
  await t.throwsAsync(inspectInitramfs(await fileWith('flipped', bytes)), {
    instanceOf: UsageError,
    message: /is damaged|is cut off/,
  })
})

test('an initramfs of the other architecture is refused', async (t) => {
  const file = await fileWith('arm', archive)
  await t.throwsAsync(inspectInitramfs(file, { arch: 'x86_64' }), {
    instanceOf: UsageError,
    message: /programs for arm64, the board is x86_64/,
  })
})

test('what is no initramfs is named', async (t) => {
  const refused: [string, Buffer, RegExp][] = [
    ['empty', Buffer.alloc(0), /is empty/],
    ['zeros', Buffer.alloc(100_000), /only zeros/],
    ['text', Buffer.from('hello\n'), /is no initramfs, it is text/],
    ['gzipped text', gzipSync('hello\n'.repeat(100)), /no cpio archive/],
    ['old cpio', Buffer.from('070707'.padEnd(500, '0')), /damaged at byte 0|is no initramfs/],
    ['junk behind', Buffer.concat([archive, Buffer.from('junk')]), /damaged at byte \d+/],
  ]
  for (const [name, bytes, message] of refused) {
    await t.throwsAsync(
      inspectInitramfs(await fileWith('refused', bytes)),
      { instanceOf: UsageError, message },
      name,
    )
  }
})
