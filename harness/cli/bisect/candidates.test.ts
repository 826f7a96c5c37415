import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { UsageError } from '../../errors.ts'
import { between, fileCandidates, findCandidate } from './candidates.ts'
import type { Candidate } from './state.ts'

function folderOf(names: readonly string[]): { folder: string } & Disposable {
  const folder = mkdtempSync(join(tmpdir(), 'kexec-harness-bisect-'))
  for (const name of names) writeFileSync(join(folder, name), `kernel ${name}`)
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

const debian = ['5.10.0-46', '6.1.0-55', '6.1.0-56', '6.12.100+deb12', '6.12.100+deb13'].map(
  (abi, index): Candidate => ({
    name: ['5.10.262-1', '6.1.192-1', '6.1.192-2', '6.12.100-1~deb12u1', '6.12.100-1'][index]!,
    kernel: { package: `linux-image-${abi}-cloud-amd64`, version: 'v', suite: 's' },
  }),
)

test('the kernels of a folder are in the order of their versions, candidates before their release', async (t) => {
  const names = [
    'vmlinuz-6.9',
    'vmlinuz-6.10-rc2',
    'vmlinuz-6.10',
    'vmlinuz-6.10-rc10',
    'vmlinuz-6.10.1',
    '.hidden',
  ]
  using place = folderOf(names)
  t.deepEqual(
    (await fileCandidates([place.folder])).map(({ name }) => name),
    ['vmlinuz-6.9', 'vmlinuz-6.10-rc2', 'vmlinuz-6.10-rc10', 'vmlinuz-6.10', 'vmlinuz-6.10.1'],
  )
})

test('a list keeps its order, and may have an initramfs beside a kernel', async (t) => {
  using place = folderOf(['b', 'a', 'initrd'])
  writeFileSync(join(place.folder, 'list'), '# oldest first\nb\n\na initrd # of the same build\n')
  const list = await fileCandidates([join(place.folder, 'list')])
  t.deepEqual(
    list.map(({ name }) => name),
    ['b', 'a'],
  )
  t.like(list[0]!.kernel, { path: join(place.folder, 'b') })
  t.like(list[1]!.kernel, { path: join(place.folder, 'a'), initramfs: join(place.folder, 'initrd') })
})

test('what is no list of kernels is refused', async (t) => {
  using place = folderOf(['one'])
  await t.throwsAsync(fileCandidates([place.folder]), { instanceOf: UsageError, message: /not two kernels/ })
  await t.throwsAsync(fileCandidates([join(place.folder, 'none')]), { message: /no such file or folder/ })
  writeFileSync(join(place.folder, 'list'), 'one\nlost\n')
  await t.throwsAsync(fileCandidates([join(place.folder, 'list')]), { message: /lost is not there/ })
  writeFileSync(join(place.folder, 'bzImage'), Buffer.alloc(100))
  await t.throwsAsync(fileCandidates([join(place.folder, 'bzImage')]), { message: /one kernel alone/ })
})

test('a kernel is found by version, package, release, and by a beginning that only it has', (t) => {
  const nameOf = (wanted: string) => findCandidate(debian, wanted, '--good').name
  t.is(nameOf('6.1.192-2'), '6.1.192-2')
  t.is(nameOf('linux-image-6.1.0-55-cloud-amd64'), '6.1.192-1')
  t.is(nameOf('6.1.0-55-cloud-amd64'), '6.1.192-1')
  t.is(nameOf('6.1.0-56'), '6.1.192-2')
  t.is(nameOf('5.10'), '5.10.262-1')
  t.throws(() => nameOf('6.1.192'), { message: /may be 6.1.192-1, 6.1.192-2/ })
  t.throws(() => nameOf('6.1.19'), { instanceOf: UsageError, message: /no such kernel.*did you mean/ })
})

test('the list goes from the good one to the bad one, also where the good one is newer', (t) => {
  const names = (good: number, bad: number) =>
    between(debian, debian[good]!, debian[bad]!).map(({ name }) => name)
  t.deepEqual(names(1, 3), ['6.1.192-1', '6.1.192-2', '6.12.100-1~deb12u1'])
  t.deepEqual(names(2, 0), ['6.1.192-2', '6.1.192-1', '5.10.262-1'])
  t.throws(() => names(1, 1), { instanceOf: UsageError })
})
