/** The dialogue of docs/loaders/dialogue.md with a prompt that really kexecs, in QEMU. */
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { cpioArchive } from '../../images/cpio.ts'
import { ensureProgram } from '../../images/host-packages.ts'
import { type Image, resolveImage } from '../../images/image.ts'
import { makeTargetDisk } from '../../images/target-disk.ts'
import { type Machine, startMachine } from '../../qemu/machine.ts'
import { Console } from '../console/console.ts'
import { Screen } from '../console/screen.ts'
import { dialogue } from './dialogue.ts'
import { dialogueChoice, kbootLoader } from './dialogue-fixture.ts'
import type { Refusal } from './menu-loader.ts'

const entry = (label: string, target: string) => ({
  label,
  commandLine: `console=ttyS0 target=${target}`,
  fault: null,
})
const entries = [
  entry('Main Linux A', 'a'),
  entry('Main Linux B', 'b'),
  { ...entry('Bad: garbage', 'garbage'), fault: 'garbage' as const },
]
const limitMs = 240_000

test('a prompt that really kexecs: it refuses one entry, and boots another with a word added', async (t) => {
  t.timeout(3 * limitMs)
  const folder = await mkdtemp(path.join(tmpdir(), 'dialogue-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const image = await resolveImage('bookworm-cloud-amd64')
  const disk = await makeTargetDisk({ image, entries, folder, configs: ['kboot'], timeoutSeconds: 60 })
  const { console, screen } = await boot(t, image, await bootloader(image, folder), disk.path)
  const loader = dialogue(dialogueChoice(kbootLoader))
  const ui = { console, screen, timeoutMs: limitMs, signal: new AbortController().signal }

  const menu = await loader.arrive(ui, { from: 0, holdCountdown: true })
  t.deepEqual(
    menu.entries.map(({ label }) => label),
    entries.map(({ label }) => label),
  )
  const ignore = { chosen: () => {}, executing: () => {} }
  const refusal = await loader.boot(ui, { by: 'label', label: 'Bad: garbage' }, ignore)
  t.deepEqual(refusal, {
    message:
      "kboot: can't load Bad: garbage (status 255)\nLoading Bad: garbage\nCannot determine the file type of /mnt/boot/garbage",
    usable: true,
  } satisfies Refusal)

  await loader.arrive(ui, { from: console.position, holdCountdown: true })
  const arrived = new AbortController()
  const said: string[] = []
  const commandLine = console.expect(/Command line: (.*)\r\n/, { timeoutMs: limitMs, what: 'new kernel' })
  const booting = loader.boot(
    { ...ui, signal: arrived.signal },
    { by: 'label', label: 'Main Linux B', edit: 'word=1' },
    { chosen: () => said.push('chosen'), executing: (_, line) => said.push(line) },
  )
  const { groups } = await Promise.race([commandLine, booting.then(() => commandLine)])
  arrived.abort()
  await t.throwsAsync(booting, { name: 'AbortError' })
  t.is(groups[0], 'console=ttyS0 target=b word=1')
  t.deepEqual(said, ['chosen', 'Starting Main Linux B'])
})

/** The image's initramfs with another init: of archives one after the other, the last one's files win. */
async function bootloader({ initramfs }: Image, folder: string): Promise<string> {
  const file = path.join(folder, 'initramfs')
  const { size } = await stat(initramfs)
  const script = await readFile(new URL('fixtures/kboot-prompt', import.meta.url))
  await writeFile(file, createReadStream(initramfs))
  await writeFile(file, Buffer.alloc(-size & 3), { flag: 'a' })
  const archive = cpioArchive([{ type: 'file', name: 'init', mode: 0o755, content: script }])
  await writeFile(file, archive, { flag: 'a' })
  return file
}

async function boot(t: ExecutionContext, { kernel }: Image, initramfs: string, disk: string) {
  const program = await ensureProgram({ program: 'qemu-system-x86_64', packages: ['qemu-system-x86'] })
  const holder: { machine?: Machine } = {}
  const console = new Console({ write: (bytes) => holder.machine!.write(bytes) })
  const screen = new Screen(console)
  holder.machine = await startMachine({
    ...{ name: 'dialogue test', arch: 'x86_64', program, kernel, initramfs, append: 'console=ttyS0' },
    machine: {
      ...{ type: 'q35', cpu: 'max', options: {}, cpus: 2, memory: 1024, accelerator: 'tcg', extraArgs: [] },
    },
    drives: [{ path: disk, snapshot: true }],
    onConsole: (chunk, atNs) => console.feed(chunk, atNs),
  })
  t.teardown(async () => {
    await holder.machine!.close()
    screen[Symbol.dispose]()
  })
  return { console, screen }
}
