import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { placeFile } from './ext4-disk.ts'

test('a symbolic link is placed as the file that it leads to', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'place-file-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'initramfs-6.1'), 'cpio')
  symlinkSync('initramfs-6.1', join(folder, 'initramfs'))
  await placeFile(join(folder, 'initramfs'), join(folder, 'tree/boot/initrd.img'))
  t.is(readFileSync(join(folder, 'tree/boot/initrd.img'), 'utf8'), 'cpio')
  await t.throwsAsync(placeFile(join(folder, 'initramfs'), join(folder, 'tree/boot/initrd.img')), {
    code: 'EEXIST',
  })
})
