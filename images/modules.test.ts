import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import test from 'ava'
import { UsageError } from '../harness/errors.ts'
import { makeModule } from './fixtures.ts'
import { collectModules, readModuleInfo } from './modules.ts'

async function kernelWith(modules: Record<string, string>, builtin = ''): Promise<string> {
  const folder = path.join(await mkdtemp(path.join(os.tmpdir(), 'modules-')), '6.1.0-test')
  await mkdir(path.join(folder, 'kernel/drivers'), { recursive: true })
  for (const [name, modinfo] of Object.entries(modules)) {
    const bytes = makeModule(modinfo)
    const packed = name.endsWith('.gz')
      ? gzipSync(bytes)
      : name.endsWith('.zst')
        ? zstdCompressSync(bytes)
        : bytes
    await writeFile(path.join(folder, 'kernel/drivers', name), packed)
  }
  await writeFile(path.join(folder, 'modules.builtin'), builtin)
  return folder
}

test('dependencies are loaded first, each once, dashes and underscores being the same', async (t) => {
  const folder = await kernelWith({
    'virtio-net.ko': 'depends=virtio_ring,net-failover\0',
    'virtio_blk.ko.gz': 'depends=virtio_ring\0',
    'virtio_ring.ko.zst': 'depends=virtio\0',
    'virtio.ko': 'depends=\0',
    'net_failover.ko': 'depends=\0',
  })
  t.teardown(() => rm(path.dirname(folder), { recursive: true }))
  const modules = await collectModules(folder, ['virtio_net', 'virtio-blk'])
  t.deepEqual(
    modules.map(({ name }) => name),
    ['virtio', 'virtio_ring', 'net_failover', 'virtio_net', 'virtio_blk'],
  )
  t.true(modules.every(({ content }) => content.subarray(1, 4).toString() === 'ELF'))
})

test('what is built into the kernel is left out', async (t) => {
  const folder = await kernelWith({ 'a.ko': 'depends=core\0' }, 'kernel/lib/core.ko\n')
  t.teardown(() => rm(path.dirname(folder), { recursive: true }))
  t.deepEqual(
    (await collectModules(folder, ['a', 'core'])).map(({ name }) => name),
    ['a'],
  )
})

test('a circle of soft dependencies ends', async (t) => {
  const folder = await kernelWith({ 'a.ko': 'softdep=pre: b\0', 'b.ko': 'softdep=pre: a gone\0' })
  t.teardown(() => rm(path.dirname(folder), { recursive: true }))
  t.deepEqual(
    (await collectModules(folder, ['a'])).map(({ name }) => name),
    ['b', 'a'],
  )
})

test('soft dependencies are those before the module, not those after it', (t) => {
  const info = readModuleInfo(makeModule('depends=x\0softdep=pre: crc32c libcrc post: late\0'), 'm.ko')
  t.deepEqual(info, { depends: ['x'], softPre: ['crc32c', 'libcrc'] })
})

test('an unknown module is refused with the nearest name', async (t) => {
  const folder = await kernelWith({ 'virtio_blk.ko': '' })
  t.teardown(() => rm(path.dirname(folder), { recursive: true }))
  await t.throwsAsync(collectModules(folder, ['virtio_blkk']), {
    instanceOf: UsageError,
    message:
      'the recipe names the module virtio_blkk, which kernel 6.1.0-test does not have; did you mean "virtio_blk"?',
  })
})
