import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { UsageError } from '../errors.ts'
import {
  jsonSchemaText,
  listBoards,
  loadDescriptor,
  overrideDescriptor,
  parsedDescriptor,
  writeJsonSchema,
} from './descriptor.ts'
import { folderWith, minimal } from './descriptor-fixture.ts'

const boardsDir = fileURLToPath(new URL('../../boards', import.meta.url))

test('every descriptor in boards/ is right and survives the journal', async (t) => {
  const names = await listBoards(boardsDir)
  t.true(names.includes('qemu-aarch64') && names.includes('qemu-x86_64') && names.includes('qemu-x86_64-pc'))
  for (const name of names) {
    const descriptor = await loadDescriptor(name, boardsDir)
    t.deepEqual(parsedDescriptor.parse(JSON.parse(JSON.stringify(descriptor))), descriptor)
  }
})

test('boards/schema.json is what the schema says', async (t) => {
  const written = await readFile(path.join(boardsDir, 'schema.json'), 'utf8')
  t.true(written === jsonSchemaText(), 'boards/schema.json is stale: run `npm run schema`')
})

test('the JSON Schema is written beside the boards', async (t) => {
  const folder = await folderWith(t, minimal)
  t.is(await readFile(await writeJsonSchema(folder), 'utf8'), jsonSchemaText())
})

test('a minimal descriptor gets sensible defaults', async (t) => {
  t.deepEqual(await loadDescriptor('mine', await folderWith(t, minimal)), {
    name: 'mine',
    arch: 'x86_64',
    console: { type: 'qemu' },
    power: { type: 'qemu' },
    machine: {
      type: 'q35',
      options: {},
      cpus: 2,
      memoryMiB: 1024,
      accelerator: 'auto',
      devices: [],
      disks: [],
      nics: [],
      pxe: [],
      extraArgs: [],
    },
    stages: [{ type: 'shell', prompt: '# ', setup: [] }],
    recovery: { sysrq: true, powerCycles: 2 },
    retries: 1,
    loader: { type: 'kexec-tools', syscall: 'kexec_load', checks: true, ifdown: true },
    image: { recipe: 'bookworm-cloud-amd64' },
    append: '',
    earlyConsole: true,
    limits: { bootMs: 120_000, loadMs: 120_000, shutdownMs: 60_000, gapMs: 90_000, startupMs: 120_000 },
    markers: { lastOldLine: [], firstNewLine: [], firmware: [] },
    regression: { percent: 5, time: '20ms' },
    allow: [],
  })
})

test('limits, sizes, markers and allowances are parsed', async (t) => {
  const text = `${minimal.replace('{ type: q35 }', '{ type: q35, memory: 512M }')}limits: { gap: 1m30s, boot: 0.5 }
markers: { lastOldLine: ['^psci: CPU\\d+ killed'] }
allow: [{ signature: nvme-timeout, until: 2027-03-01, owner: lab@example.org, why: old firmware }]
`
  const board = await loadDescriptor('mine', await folderWith(t, text))
  t.is(board.machine?.memoryMiB, 512)
  t.is(board.limits.gapMs, 90_000)
  t.is(board.limits.bootMs, 500)
  t.is(board.limits.loadMs, 120_000)
  t.deepEqual(board.markers.lastOldLine, ['^psci: CPU\\d+ killed'])
  t.is(board.allow[0]?.until, '2027-03-01')
})

test('a canary is written in hex and kibibytes, and kept as numbers', async (t) => {
  const canary = "canary: { address: '0x3f000000', size: 8K, reserve: 'memmap=8K$0x3f000000' }\n"
  const board = await loadDescriptor('mine', await folderWith(t, minimal + canary))
  const kept = { address: 0x3f000000, sizeBytes: 8192, reserve: 'memmap=8K$0x3f000000' }
  t.deepEqual(board.canary, kept)
  const unquoted = canary.replaceAll("'0x3f000000'", '0x3f000000')
  t.deepEqual((await loadDescriptor('mine', await folderWith(t, minimal + unquoted))).canary, kept)
})

test("an image's paths start from the descriptor's folder", async (t) => {
  const text = minimal.replace('bookworm-cloud-amd64', '{ kernel: ../vmlinuz, initramfs: /boot/initrd.img }')
  const folder = await folderWith(t, text)
  const { image } = await loadDescriptor(path.join(folder, 'mine.yaml'), boardsDir)
  t.deepEqual(image, { kernel: path.join(path.dirname(folder), 'vmlinuz'), initramfs: '/boot/initrd.img' })
})

test('an unknown board lists those there are, and the nearest', async (t) => {
  const error = await t.throwsAsync(loadDescriptor('qemu-aarch46', boardsDir), { instanceOf: UsageError })
  t.is(error?.message, 'unknown board "qemu-aarch46"; did you mean "qemu-aarch64"?')
  t.regex(error?.hint ?? '', /qemu-aarch64, .*qemu-x86_64, .*qemu-x86_64-pc/)
  const folder = await folderWith(t, minimal)
  await mkdir(path.join(folder, 'empty'))
  const none = await t.throwsAsync(loadDescriptor('juno', path.join(folder, 'empty')))
  t.is((none as UsageError).hint, `There is no descriptor in ${path.join(folder, 'empty')} yet.`)
  await t.throwsAsync(loadDescriptor('juno', path.join(folder, 'nowhere')), { message: /can't be read/ })
})

test('a path to a descriptor that is not there says so', async (t) => {
  await t.throwsAsync(loadDescriptor('./nowhere.yaml', boardsDir), {
    message: /^\.\/nowhere\.yaml: no such file/,
  })
})

test('the command line replaces parts of the image and adds to the kernel command line', async (t) => {
  const board = await loadDescriptor('mine', await folderWith(t, `${minimal}append: quiet\n`))
  const changed = overrideDescriptor(board, { kernel: '/my/bzImage', append: 'debug', loader: 'kexec-tools' })
  t.deepEqual(changed.image, { recipe: 'bookworm-cloud-amd64', kernel: '/my/bzImage' })
  t.is(changed.append, 'quiet debug')
  t.deepEqual(changed.loader, board.loader)
  t.deepEqual(overrideDescriptor(board, {}), board)
  t.deepEqual(board.image, { recipe: 'bookworm-cloud-amd64' })
})

test('the command line tells a loader more than its name', async (t) => {
  const board = await loadDescriptor('mine', await folderWith(t, minimal))
  const loaderOf = (loader: string) => overrideDescriptor(board, { loader }).loader
  t.deepEqual(loaderOf('u-root,command=pxeboot,timeout=20'), {
    ...{ type: 'u-root', command: 'pxeboot', timeout: 20 },
  })
  t.like(loaderOf('kexec-tools,checks=false'), { syscall: 'kexec_load', checks: false })
  const wrong = (loader: string) => t.throws(() => loaderOf(loader), { instanceOf: UsageError })!.message
  t.regex(wrong('u-root,command=pxebot'), /^--loader u-root,command=pxebot: command: .*"pxeboot"/)
  t.regex(wrong('u-root,comand=boot'), /^--loader u-root,comand=boot: .*"comand"/)
  t.is(wrong('u-root,pxeboot'), '--loader: "pxeboot" is no KEY=VALUE')
  t.regex(wrong('u-rot,command=boot'), /^unknown loader "u-rot"; did you mean "u-root"\?$/)
})

test('an unknown loader on the command line lists those there are', async (t) => {
  const board = await loadDescriptor('mine', await folderWith(t, minimal))
  const error = t.throws(() => overrideDescriptor(board, { loader: 'kexec' }), { instanceOf: UsageError })
  t.is(error?.message, 'unknown loader "kexec"; did you mean "kexec-tools"?')
})
