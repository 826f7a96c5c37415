/** Makes real boot disks; the network is needed only where the image's packages are not in the cache yet. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'ava'
import { execa } from 'execa'
import { bootDisk } from './boot-disk.ts'
import { sha256OfFile } from './deb-store.ts'
import { ensureProgram } from './host-packages.ts'
import { resolveImage } from './image.ts'

test('a boot disk has one bootable partition with both kernels and a menu, and is made once', async (t) => {
  const cache = await mkdtemp(path.join(tmpdir(), 'boot-disk-test-'))
  t.teardown(() => rm(cache, { recursive: true }))
  const image = await resolveImage('bookworm-cloud-arm64')
  const disk = await bootDisk(image, { cache })
  const bytes = await readFile(disk)
  t.is(bytes.readUInt16LE(510), 0xaa55)
  const [entry] = [bytes.subarray(446, 462)]
  t.deepEqual([entry![0], entry![4]], [0x80, 0x83])
  t.is((entry!.readUInt32LE(8) + entry!.readUInt32LE(12)) * 512, bytes.length)
  t.true(bytes.subarray(462, 510).every((byte) => byte === 0))

  const debugfs = await ensureProgram({ program: 'debugfs', packages: ['e2fsprogs'] })
  const read = async (command: string) =>
    (await execa(debugfs.path, ['-R', command, `${disk}?offset=${entry!.readUInt32LE(8) * 512}`])).stdout
  for (const name of ['/boot/Image', '/main/vmlinuz', '/main/initrd.img', '/boot/service.img'])
    t.regex(await read(`stat ${name}`), /Type: regular/)
  t.regex(await read('cat /extlinux/extlinux.conf'), /menu label Service Linux\n {2}kernel \/boot\/Image\n/)
  const copy = path.join(cache, 'kernel')
  await read(`dump /main/vmlinuz ${copy}`)
  t.is(await sha256OfFile(copy), await sha256OfFile(image.kernel))

  const { mtimeMs } = await stat(disk)
  t.is(await bootDisk(image, { cache }), disk)
  t.is((await stat(disk)).mtimeMs, mtimeMs)
})

test('a disk with a password is another one, and does not hold the password', async (t) => {
  const cache = await mkdtemp(path.join(tmpdir(), 'boot-disk-test-'))
  t.teardown(() => rm(cache, { recursive: true }))
  const image = await resolveImage('bookworm-cloud-arm64')
  const password = 'correct horse 42'
  const disk = await bootDisk(image, { cache, password })
  t.is(await bootDisk(image, { cache, password }), disk)
  t.not(await bootDisk(image, { cache, password: 'another' }), disk)
  const bytes = await readFile(disk)
  t.false(bytes.includes(password))
  t.true(bytes.includes('root:$6$'))
})
