/** Builds the real images. The network is needed only where the packages are not in the cache yet. */
import { cp, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import test from 'ava'
import { UsageError } from '../harness/errors.ts'
import { defaultCacheFolder } from './cache.ts'
import { sha256OfFile } from './deb-store.ts'
import { composeImage, describeImage, type Image, resolveImage } from './image.ts'
import { inspectInitramfs } from './initramfs-file.ts'
import { inspectKernel } from './kernel-file.ts'

const cache = defaultCacheFolder()
const recipes = [
  ['bookworm-cloud-amd64', 'x86_64'],
  ['bookworm-cloud-arm64', 'arm64'],
] as const

/** A second cache beside the first, with its packages but without what was built of them. */
async function secondCache(t: { teardown: (run: () => Promise<void>) => void }): Promise<string> {
  // Where the cache clears up what a killed process left.
  await mkdir(path.join(cache, 'tmp'), { recursive: true })
  const folder = await mkdtemp(path.join(cache, 'tmp/second-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  for (const name of ['debs', 'apt']) {
    await cp(path.join(cache, name), path.join(folder, name), { recursive: true, preserveTimestamps: true })
  }
  return folder
}

for (const [name, arch] of recipes) {
  test.serial(`${name} builds to the same bytes in another cache`, async (t) => {
    const first = await resolveImage(name, { cache, update: false })
    const other = await secondCache(t)
    t.is(await describeImage(name, other), undefined)
    const second = await resolveImage(name, { cache: other })
    t.is(second.key, first.key)
    for (const part of [
      (image: Image) => image.kernel,
      (image: Image) => image.initramfs,
      (image: Image) => image.payload.disk!,
    ]) {
      t.is(await sha256OfFile(part(second)), await sha256OfFile(part(first)))
    }
    const kernel = await inspectKernel(first.kernel, { arch })
    t.is(kernel.release, first.kernelRelease)
    t.like(await inspectInitramfs(first.initramfs, { arch }), {
      parts: ['gzip'],
      arch,
      hasInit: true,
      checked: true,
    })
  })
}

test.serial('an image for the other architecture is refused', async (t) => {
  await t.throwsAsync(resolveImage('bookworm-cloud-arm64', { cache, arch: 'x86_64' }), {
    instanceOf: UsageError,
    message: /is for arm64, the board is x86_64/,
  })
})

test.serial(
  'a kernel with the same release gets a disk, any other one a payload in the initramfs',
  async (t) => {
    const base = await resolveImage('bookworm-cloud-amd64', { cache })
    const folder = await secondCache(t)
    const bytes = await readFile(base.kernel)
    const same = path.join(folder, 'same')
    await writeFile(same, bytes)
    const withDisk = await composeImage({ base, kernel: same, cache: folder })
    t.not(withDisk.payload.disk, null)
    t.is(withDisk.kernelRelease, base.kernelRelease)

    // The release stands where the header's kernel_version points to.
    bytes.write('9', bytes.readUInt16LE(0x20e) + 0x200)
    const other = path.join(folder, 'other')
    await writeFile(other, bytes)
    const inside = await composeImage({ base, kernel: other, cache: folder })
    t.is(inside.payload.disk, null)
    t.is(inside.kernelRelease, base.kernelRelease!.replace(/^./, '9'))
    t.deepEqual((await inspectInitramfs(inside.initramfs)).parts, ['none', 'gzip'])
    t.true((await stat(inside.initramfs)).size > bytes.length)
    t.deepEqual(await composeImage({ base, kernel: other, cache: folder }), inside)
  },
)

test.serial("a user's initramfs that is cut off, or for another machine, is refused", async (t) => {
  const [base, arm] = await Promise.all(recipes.map(([name]) => resolveImage(name, { cache })))
  const folder = await secondCache(t)
  const cut = path.join(folder, 'initrd.img')
  const bytes = await readFile(base!.initramfs)
  await writeFile(cut, bytes.subarray(0, bytes.length >> 1))
  await t.throwsAsync(composeImage({ base: base!, initramfs: cut, cache: folder }), {
    instanceOf: UsageError,
    message: /is cut off at byte/,
  })
  await t.throwsAsync(composeImage({ base: base!, initramfs: arm!.initramfs, cache: folder }), {
    instanceOf: UsageError,
    message: /programs for arm64/,
  })
  await t.throwsAsync(composeImage({ base: base!, kernel: arm!.kernel, cache: folder }), {
    instanceOf: UsageError,
    message: /kernel for arm64/,
  })
})
