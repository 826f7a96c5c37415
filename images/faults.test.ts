import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import test from 'ava'
import { LabError, UsageError } from '../harness/errors.ts'
import { checkModule, debianKernel, sourceFolder } from './fault-build.ts'
import { FaultUnavailable, orUnavailable } from './fault-toolchain.ts'
import { faultNames, faults, prepareFault } from './faults.ts'
import { makeModule } from './fixtures.ts'
import type { Image } from './image.ts'

const image: Image = {
  name: 'bookworm-cloud-amd64',
  arch: 'x86_64',
  key: '0',
  kernel: '/kernel',
  kernelRelease: '6.1.0-1-cloud-amd64',
  initramfs: '/initramfs',
  payload: { disk: '/disk' },
  packages: [
    { name: 'busybox-static', version: '1.35', sha256: '0' },
    { name: 'linux-image-6.1.0-1-cloud-amd64', version: '6.1.4-1', sha256: '0' },
  ],
}

const sorted = (names: readonly (string | undefined)[]) =>
  names.toSorted((one = '', other = '') => one.localeCompare(other))

test('an unknown fault is refused with the nearest name', async (t) => {
  for (const name of ['edu-rearn', 'toString'])
    await t.throwsAsync(prepareFault(name, { image }), { instanceOf: UsageError, message: /no fault/ })
  await t.throwsAsync(prepareFault('edu-rearn', { image }), { message: /did you mean "edu-rearm"/ })
})

test("the kernel is known by Debian's package that it came in", (t) => {
  const expected = { release: '6.1.0-1-cloud-amd64', version: '6.1.4-1', arch: 'x86_64' } as const
  t.deepEqual(debianKernel(image), expected)
  const binary = { name: 'linux-binary-7.2.1+deb14-amd64', version: '7.2.1-1', sha256: '0' }
  const sid = { ...image, kernelRelease: '7.2.1+deb14-amd64', packages: [binary] }
  t.is(debianKernel(sid).version, '7.2.1-1')
})

test("a kernel that is not Debian's is refused, for there are no headers", async (t) => {
  const own = { ...image, name: 'bookworm-cloud-amd64 with kernel bzImage', kernelRelease: '6.9.0-mine' }
  await t.throwsAsync(prepareFault('edu-good', { image: own }), {
    instanceOf: UsageError,
    message: /kernel 6\.9\.0-mine is not one of Debian's/,
  })
  await t.throwsAsync(prepareFault('edu-good', { image: { ...image, kernelRelease: null } }), {
    instanceOf: UsageError,
    message: /does not say which release/,
  })
})

test('an architecture that has none is refused', async (t) => {
  const power: Image = { ...image, name: 'bookworm-ppc64le', arch: 'ppc64le' }
  await t.throwsAsync(prepareFault('edu-good', { image: power }), {
    instanceOf: UsageError,
    message: 'fault modules are for x86_64 and arm64; bookworm-ppc64le is ppc64le',
  })
})

test('a module for another kernel is refused', (t) => {
  const module = makeModule('license=GPL\0vermagic=6.1.0-1-cloud-amd64 SMP preempt mod_unload modversions \0')
  t.notThrows(() => checkModule(module, 'x.ko', '6.1.0-1-cloud-amd64'))
  t.throws(() => checkModule(module, '/cache/x.ko', '6.1.0-1-cloud-amd6'), {
    instanceOf: UsageError,
    message:
      "/cache/x.ko: is a module for kernel 6.1.0-1-cloud-amd64, the image's kernel is 6.1.0-1-cloud-amd6",
  })
  t.throws(() => checkModule(makeModule('license=GPL\0'), 'x.ko', '6.1.0'), { message: /no kernel module/ })
  t.throws(() => checkModule(Buffer.from('cut off'), 'x.ko', '6.1.0'), { message: /not an ELF file/ })
})

test('every fault has a source, and its description here is what the source says', async (t) => {
  const kbuild = await readFile(path.join(sourceFolder, 'Kbuild'), 'utf8')
  const built = [...kbuild.matchAll(/^obj-m \+?:?= (.*)\.o$/gm)].map(([, name]) => name)
  t.deepEqual(sorted(built), sorted(faultNames))
  const sources = (await readdir(sourceFolder)).filter((file) => file.endsWith('.c'))
  t.deepEqual(sorted(sources), sorted(faultNames.map((name) => `${name}.c`)))
  for (const name of faultNames) {
    const { driver, takes, parameters } = faults[name]
    const source = await readFile(path.join(sourceFolder, `${name}.c`), 'utf8')
    t.regex(source, /^MODULE_LICENSE\("GPL"\);$/m, name)
    const named = [...source.matchAll(/^module_param\((\w+),/gm)].map(([, parameter]) => parameter)
    t.deepEqual(named, Object.keys(parameters), name)
    t.is(/^\t\.name = "(.*)",$/m.exec(source)?.[1] ?? null, driver, name)
    // harness-fault looks for the driver under the module's name, and the kernel knows no dashes in that.
    if (driver !== null) t.is(driver, name.replaceAll('-', '_'))
    t.is(takes === null, driver === null, name)
  }
})

test('what only this host lacks makes faults unavailable, with the reason and the hint', async (t) => {
  const lacking = new LabError('there is no make', { hint: 'apt-get install make' })
  const error = await t.throwsAsync(
    orUnavailable(() => Promise.reject(lacking)),
    { instanceOf: FaultUnavailable, message: "fault modules can't be built here: there is no make" },
  )
  t.is(error?.hint, 'apt-get install make')
  const bug = new TypeError('a bug')
  t.is(await t.throwsAsync(orUnavailable(() => Promise.reject(bug))), bug)
})
