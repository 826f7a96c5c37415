/** Makes real target disks and reads them with e2fsprogs; bootloaders read them in harness/board/stage/. */
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { execa } from 'execa'
import { LabError, UsageError } from '../harness/errors.ts'
import { sha256OfFile } from './deb-store.ts'
import { describeBytes } from './file-kind.ts'
import { ensureProgram } from './host-packages.ts'
import { type Image, resolveImage } from './image.ts'
import { inspectKernel } from './kernel-file.ts'
import { isSigned, signatureNames } from './pe-signature.ts'
import { targetConfigs } from './target-configs.ts'
import { loaderFiles, makeTargetDisk, type TargetDisk, type TargetEntry, targetLabel } from './target-disk.ts'
import { kernelFaults } from './target-kernels.ts'

const mebibyte = 1024 * 1024
const partition = mebibyte
const memoryMiB = 128
const images = { x86_64: 'bookworm-cloud-amd64', arm64: 'bookworm-cloud-arm64' } as const
const good = (label: string): TargetEntry => ({
  label,
  commandLine: `console=ttyS0 target=${label.length}`,
  fault: null,
})
const faulty = kernelFaults.map((fault): TargetEntry => ({ ...good(`Bad: ${fault}`), fault }))

async function folderOf(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'target-disk-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  return folder
}

/** Reads the disk's file system with debugfs; `dump` gives the path of a copy of one of its files. */
async function reader(t: ExecutionContext, disk: TargetDisk, offset = partition) {
  const debugfs = await ensureProgram({ program: 'debugfs', packages: ['e2fsprogs'] })
  const folder = await folderOf(t)
  const run = async (command: string) =>
    (await execa(debugfs.path, ['-R', command, `${disk.path}?offset=${offset}`])).stdout
  const dump = async (file: string) => {
    const copy = path.join(folder, path.basename(file))
    await run(`dump ${file} ${copy}`)
    return copy
  }
  return { run, dump }
}

for (const arch of ['x86_64', 'arm64'] as const)
  test.serial(
    `a disk for ${arch}: kernels that are wrong, each as its name says, and menus of all kinds`,
    async (t) => {
      const image = await resolveImage(images[arch])
      const folder = await folderOf(t)
      const entries = [good('Main Linux A'), { ...good('Main Linux, B'), isDefault: true }, ...faulty]
      const configs = targetConfigs.filter((config) => config !== 'blscfg')
      const before = await sha256OfFile(image.kernel)
      const disk = await makeTargetDisk({ image, entries, folder, configs, memoryMiB })
      t.is(disk.entries, entries)
      t.deepEqual(await readdir(folder), [path.basename(disk.path)])

      const fsck = await ensureProgram({ program: 'e2fsck', packages: ['e2fsprogs'] })
      await execa(fsck.path, ['-fn', `${disk.path}?offset=${partition}`])
      const { run, dump } = await reader(t, disk)
      const name = { x86_64: 'vmlinuz', arm64: 'Image' }[arch]
      t.is(await sha256OfFile(await dump(`/boot/${name}`)), before)
      t.is(await sha256OfFile(await dump('/boot/initrd.img')), await sha256OfFile(image.initramfs))
      await checkKernels(t, image, dump)
      t.regex(await run('stat /boot/missing-kernel'), /^$/)
      t.regex(await run('cat /boot/garbage'), /^This is no kernel/)

      for (const file of [
        '/extlinux/extlinux.conf',
        '/boot/petitboot.conf',
        '/etc/kboot.conf',
        '/etc/yaboot.conf',
        '/boot/boot.cfg',
      ])
        t.is((await run(`cat ${file}`)).match(/Bad: too-large/g)?.length, 1, file)
      t.is((await run('cat /boot/syslinux/syslinux.cfg')).match(/menu label Bad: too-large/g)?.length, 1)
      t.regex(await run('cat /loader/loader.conf'), /^default harness-998\.conf$/m)
      const grub = await dump('/boot/grub/grub.cfg')
      const check = await ensureProgram({ program: 'grub-script-check', packages: ['grub-common'] })
      await execa(check.path, [grub])
      t.regex(await readFile(grub, 'utf8'), new RegExp(`linux /boot/${name} console=ttyS0 target=12\n`))

      // Sparse: what it takes is far less than the kernel that is too large.
      const { size, blocks } = await stat(disk.path)
      t.true(blocks * 512 < 256 * mebibyte, `${size} bytes in ${blocks} blocks`)
      t.is(await sha256OfFile(image.kernel), before)
      await disk.remove()
      t.deepEqual(await readdir(folder), [])
      await disk.remove()
    },
  )

async function checkKernels(
  t: ExecutionContext,
  image: Image,
  dump: (file: string) => Promise<string>,
): Promise<void> {
  const { arch } = image
  const other = { x86_64: 'arm64', arm64: 'x86_64', ppc64le: 'x86_64' }[arch]
  t.like(await inspectKernel(await dump('/boot/wrong-arch')), { arch: other })
  const corrupt = await dump('/boot/corrupt-kernel')
  if (arch === 'x86_64') t.like(await inspectKernel(corrupt), { format: 'bzImage', arch })
  else t.is(describeBytes(await readFile(corrupt)), 'gzip-compressed data')
  t.true((await stat(corrupt)).size < (await stat(image.kernel)).size / 4)
  const large = await dump('/boot/too-large')
  t.like(await inspectKernel(large), { arch })
  t.is((await stat(large)).size, (memoryMiB + 512) * mebibyte)
  await using file = await open(large)
  const { buffer } = await file.read(Buffer.alloc(0x264), 0, 0x264, 0)
  if (arch === 'arm64') t.is(Number(buffer.readBigUInt64LE(16)), (memoryMiB + 512) * mebibyte)
  else t.is(buffer.readUInt32LE(0x260), (memoryMiB + 512) * mebibyte)

  const kernel = await readFile(image.kernel)
  const unsigned = await dump('/boot/unsigned')
  t.true(isSigned(kernel))
  t.regex(signatureNames(kernel).join(), /Debian Secure Boot/)
  t.false(isSigned(await readFile(unsigned)))
  const verify = await ensureProgram({ program: 'sbverify', packages: ['sbsigntool'] })
  const list = async (name: string) =>
    (await execa(verify.path, ['--list', name], { all: true, reject: false })).all
  t.regex(await list(image.kernel), /signature 1\n/)
  t.regex(await list(unsigned), /^No signature table present$/m)
  // The same as what the tool makes that distributions sign and strip with, but for a checksum that nobody reads.
  const attach = await ensureProgram({ program: 'sbattach', packages: ['sbsigntool'] })
  const theirs = path.join(path.dirname(unsigned), 'stripped')
  await writeFile(theirs, kernel)
  await execa(attach.path, ['--remove', theirs])
  t.is((await stat(unsigned)).size, (await stat(theirs)).size)
}

test.serial(
  'a disk without a partition, with a bootloader to come back to and files of the caller',
  async (t) => {
    const image = await resolveImage(images.x86_64)
    const folder = path.join(await folderOf(t), 'made', 'here')
    await mkdir(path.dirname(folder))
    const extra = path.join(path.dirname(folder), 'extra')
    await writeFile(extra, 'from the host')
    const disk = await makeTargetDisk({
      ...{ image, folder, entries: [good('Only')], partitioned: false },
      loader: { kernel: image.kernel, initramfs: null },
      extraFiles: [
        { path: '/main/extra', source: extra },
        { path: '../../etc/motd', content: 'hello' },
      ],
    })
    const { run, dump } = await reader(t, disk, 0)
    t.regex(await run('stats'), new RegExp(`^Filesystem volume name: +${targetLabel}$`, 'm'))
    t.is(await sha256OfFile(await dump(loaderFiles.kernel)), await sha256OfFile(image.kernel))
    t.is(await run(`stat ${loaderFiles.initramfs}`), '')
    t.is(await run('cat /main/extra'), 'from the host')
    t.is(await run('cat /etc/motd'), 'hello')
    t.regex(await run('cat /boot/grub/grub.cfg'), /^menuentry Only \{$/m)
    t.is(await run('stat /extlinux'), '')
  },
)

test.serial(
  'the wrong architecture is told from a made-up header where no kernel of it is built',
  async (t) => {
    const folder = await folderOf(t)
    for (const arch of ['x86_64', 'arm64'] as const) {
      const image = await resolveImage(images[arch])
      const entries = faulty.filter(({ fault }) => fault === 'wrong-arch')
      const disk = await makeTargetDisk({ image, entries, folder, cache: path.join(folder, 'empty') })
      const { dump } = await reader(t, disk)
      const other = { x86_64: 'arm64', arm64: 'x86_64' }[arch]
      t.like(await inspectKernel(await dump('/boot/wrong-arch')), { arch: other, release: null })
    }
  },
)

test.serial('what a disk can not have is refused, and leaves nothing behind', async (t) => {
  const image = await resolveImage(images.x86_64)
  const folder = await folderOf(t)
  const refused = async (options: Partial<Parameters<typeof makeTargetDisk>[0]>) =>
    (
      await t.throwsAsync(makeTargetDisk({ image, folder, entries: [good('A')], ...options }), {
        instanceOf: UsageError,
      })
    )?.message
  t.is(await refused({ entries: [] }), 'a target disk needs an entry')
  const both = [good('A'), good('B')].map((entry) => ({ ...entry, isDefault: true }))
  t.is(await refused({ entries: both }), '2 entries are to boot by themselves; one can')
  t.is(await refused({ configs: ['grub', 'blscfg'] }), 'the configurations grub and blscfg are the same file')
  const before = await sha256OfFile(image.kernel)
  for (const name of ['/boot/vmlinuz', '/boot/grub/../initrd.img', 'boot/grub/grub.cfg'])
    t.regex(
      (await refused({ extraFiles: [{ path: name, content: 'x' }] }))!,
      /has a file \/boot\/\S+ already$/,
    )
  t.is(await sha256OfFile(image.kernel), before)
  await t.throwsAsync(makeTargetDisk({ image, folder, entries: [good('A')], signal: AbortSignal.abort() }), {
    name: 'AbortError',
  })
  const program = path.join(folder, 'mke2fs')
  await writeFile(program, '#!/bin/sh\necho no space left on device >&2\nexit 1\n', { mode: 0o755 })
  const { PATH } = process.env
  process.env.PATH = `${folder}:${PATH}`
  t.teardown(() => {
    process.env.PATH = PATH
  })
  await t.throwsAsync(makeTargetDisk({ image, folder, entries: [good('A')] }), {
    instanceOf: LabError,
    message: /^mke2fs can't make the disk \S+: no space left on device$/,
  })
  t.deepEqual(await readdir(folder), ['mke2fs'])
})
