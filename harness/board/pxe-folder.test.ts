import { readFile, stat } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { PxeFolder } from './pxe-folder.ts'

const self = fileURLToPath(import.meta.url)
const files = { kernel: self, initramfs: self }

test('only the chosen entry gets the command line, and each says which one it is', async (t) => {
  await using folder = await PxeFolder.create(['install', 'main'], files)
  const config = () => readFile(`${folder.path}/pxelinux.cfg/default`, 'utf8')
  await t.throwsAsync(config(), { code: 'ENOENT' }, 'before anything is published there is nothing to boot')
  await folder.publish('main', 'console=ttyS0 kexec_harness.nonce=1')
  t.is(
    await config(),
    [
      'say Entries: install, main',
      'default install',
      'label install',
      '  kernel kernel',
      '  append initrd=initramfs kexec_harness.entry=install',
      'label main',
      '  kernel kernel',
      '  append initrd=initramfs kexec_harness.entry=main console=ttyS0 kexec_harness.nonce=1',
      '',
    ].join('\n'),
  )
  await folder.publish('bogus', 'kexec_harness.nonce=2')
  t.false((await config()).includes('nonce'), 'a label that is not there makes no other one the chosen one')
  t.is((await stat(`${folder.path}/kernel`)).size, (await stat(self)).size)
})

test('the folder goes with the board, and the files that it leads to stay', async (t) => {
  const folder = await PxeFolder.create(['main'], files)
  await folder[Symbol.asyncDispose]()
  await t.throwsAsync(stat(folder.path), { code: 'ENOENT' })
  t.true((await stat(self)).isFile())
})
