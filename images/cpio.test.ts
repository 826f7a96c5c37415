import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import test from 'ava'
import { ByteReader } from './byte-reader.ts'
import { type CpioEntry, cpioArchive } from './cpio.ts'
import { CpioError, newFacts, walkArchive } from './cpio-reader.ts'

const entries: CpioEntry[] = [
  { type: 'file', name: 'init', mode: 0o755, content: Buffer.from('#!/bin/sh\n') },
  { type: 'link', name: 'bin/sh', target: 'dash' },
  { type: 'device', name: 'dev/console', major: 5, minor: 1 },
  { type: 'file', name: 'lib/modules/6.1/load-order', content: Buffer.from('virtio\n') },
]

const archive = (given: readonly CpioEntry[], alignment?: number) => buffer(cpioArchive(given, alignment))

async function* once(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

test('the same entries in another order give the same bytes', async (t) => {
  t.deepEqual(await archive(entries), await archive([...entries].reverse()))
})

test('a header is what the kernel documentation says', async (t) => {
  const bytes = await archive([{ type: 'file', name: 'a', mode: 0o640, content: Buffer.from('xyz') }])
  const fields =
    '00000001 000081a0 00000000 00000000 00000001 00000000 00000003 00000000 00000000 00000000 00000000 00000002 00000000'
  t.is(bytes.toString('latin1', 0, 110), `070701${fields.replaceAll(' ', '')}`)
  t.is(bytes.toString('latin1', 110, 112), 'a\0')
  t.is(bytes.toString('latin1', 112, 116), 'xyz\0')
  t.is(bytes.length % 4, 0)
})

test('folders come before what they hold, also those that nobody named', async (t) => {
  const text = (await archive(entries)).toString('latin1')
  const at = [
    'lib\0',
    'lib/modules\0',
    'lib/modules/6.1\0',
    'lib/modules/6.1/load-order\0',
    'TRAILER!!!',
  ].map((name) => text.indexOf(name))
  t.true(at.every((position) => position > 0))
  t.deepEqual(
    at,
    at.toSorted((a, b) => a - b),
  )
})

test('an archive for a disk fills whole sectors', async (t) => {
  t.is((await archive(entries, 512)).length % 512, 0)
})

test('a file on disk goes in with exactly its bytes', async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'cpio-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 'kernel')
  await writeFile(file, Buffer.alloc(3_000_001, 'k'))
  const fromDisk = await archive([{ type: 'file', name: 'kernel', content: { path: file } }])
  t.true(fromDisk.equals(await archive([{ type: 'file', name: 'kernel', content: await readFile(file) }])))
})

test('two entries of one name are a mistake', async (t) => {
  await t.throwsAsync(archive([entries[0]!, entries[0]!]), { message: /named init/ })
})

test('what was written is read back, in chunks of any size', async (t) => {
  const bytes = await archive(entries)
  for (const size of [1, 7, 110, 4096]) {
    const facts = newFacts()
    await walkArchive(new ByteReader(once(bytes, size)), facts)
    t.is(facts.entries, 9)
    t.true(facts.hasInit)
  }
})

test('an archive cut off anywhere before its trailer ends is seen to be', async (t) => {
  const bytes = await archive(entries)
  const end = bytes.lastIndexOf('TRAILER!!!\0') + 'TRAILER!!!\0'.length
  for (let length = 0; length < end; length += 3) {
    const error = await t.throwsAsync(
      walkArchive(new ByteReader(once(bytes.subarray(0, length))), newFacts()),
      {
        instanceOf: CpioError,
      },
    )
    t.true(error.cutOff, `${length}: ${error.message}`)
  }
})

test('a header that claims absurd sizes is refused before anything is read for it', async (t) => {
  const bytes = await archive(entries)
  bytes.write('ffffffff', 6 + 11 * 8)
  await t.throwsAsync(walkArchive(new ByteReader(once(bytes)), newFacts()), {
    message: /name has 4294967295 bytes/,
  })
})
