/** The folder alone; bootloaders fetch from it in suite `loader`. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'ava'
import { UsageError } from '../harness/errors.ts'
import type { Image } from './image-schema.ts'
import type { TargetEntry } from './target-disk.ts'
import { makeTargetTftp } from './target-tftp.ts'

const entry = (label: string, fault: TargetEntry['fault'] = null): TargetEntry => ({
  label,
  commandLine: `console=ttyS0 target=${label}`,
  fault,
})

test('each entry of pxelinux.cfg names files that are there, but for the one that is to be missing', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'target-tftp-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const kernel = path.join(folder, 'my-kernel')
  const initramfs = path.join(folder, 'my-initramfs')
  await writeFile(kernel, 'a kernel')
  await writeFile(initramfs, 'an initramfs')
  const image = { arch: 'x86_64', kernel, initramfs } as Image
  const entries = [entry('A'), entry('B'), entry('Bad', 'garbage'), entry('Worse', 'missing-kernel')]
  const { path: served, remove } = await makeTargetTftp({ image, entries, folder: path.join(folder, 'made') })
  const config = await readFile(path.join(served, 'pxelinux.cfg/default'), 'utf8')
  t.deepEqual(config.match(/(?<=menu label ).+/g), ['A', 'B', 'Bad', 'Worse'])
  t.regex(config, /^ {2}append console=ttyS0 target=B$/m)
  const kernels = config.match(/(?<=kernel ).+/g)
  t.deepEqual(kernels, ['/boot/vmlinuz', '/boot/vmlinuz', '/boot/garbage', '/boot/missing-kernel'])
  t.is(await readFile(path.join(served, kernels![0]!), 'utf8'), 'a kernel')
  t.is(await readFile(path.join(served, /(?<=initrd ).+/.exec(config)![0]), 'utf8'), 'an initramfs')
  t.deepEqual((await readdir(path.join(served, 'boot'))).sort(), ['garbage', 'initrd.img', 'vmlinuz'])
  await remove()
  t.deepEqual(await readdir(path.join(folder, 'made')), [])
})

test('what no menu can say is refused, and nothing is left', async (t) => {
  const folder = path.join(tmpdir(), `target-tftp-test-${process.pid}`)
  const image = { arch: 'x86_64', kernel: '/nowhere', initramfs: '/nowhere' } as Image
  const make = (entries: TargetEntry[]) => makeTargetTftp({ image, entries, folder })
  await t.throwsAsync(make([]), { instanceOf: UsageError })
  await t.throwsAsync(make([entry('B^C')]), { instanceOf: UsageError, message: /pxelinux menu/ })
  await t.throwsAsync(make([entry('A')]), { code: 'ENOENT' })
  t.deepEqual(await readdir(folder), [])
  await rm(folder, { recursive: true })
})
