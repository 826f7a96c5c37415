/** The UEFI shell of EDK II and GRUB, on a file system that QEMU makes of a folder. */
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { execa } from 'execa'
import { installPackages } from '../../../images/apt-install.ts'
import { exists } from '../../../images/cache.ts'
import { resolveImage } from '../../../images/image.ts'
import { Shell } from '../../console/shell.ts'
import { BoardError } from '../../errors.ts'
import { type FirmwareMachine, startFirmware } from './machine-fixture.ts'
import { runStage, type Stage, stageTypes } from './stages.ts'

const timeoutMs = 120_000
const ovmf = '/usr/share/ovmf/OVMF.fd'
const grubModules = '/usr/lib/grub/x86_64-efi'
const parse = (stage: unknown): Stage => stageTypes.parse(stage)
const console = 'console=ttyS0 earlyprintk=ttyS0,115200'
const longTitle = `Main Linux (recovery mode), ${'whose title is too long for a line of the menu '.repeat(2).trim()}`
const grubMenu = `
set timeout=20
insmod part_msdos
insmod fat
search --no-floppy --file --set=root /vmlinuz.efi
menuentry "Service Linux" { linux /vmlinuz.efi ${console} entry=service ; initrd /initrd.img }
menuentry "Broken Linux" { linux /nope ; initrd /initrd.img }
menuentry "${longTitle}" { linux /vmlinuz.efi ${console} entry=long ; initrd /initrd.img }
`

/** Starts a machine at its UEFI shell's countdown; undefined, and a word why, where there is no firmware. */
async function start(t: ExecutionContext): Promise<FirmwareMachine | undefined> {
  if (process.geteuid?.() === 0 && !((await exists(ovmf)) && (await exists(grubModules))))
    await installPackages(['ovmf', 'grub-efi-amd64-bin', 'grub-common'], {})
  if (!((await exists(ovmf)) && (await exists(grubModules)))) {
    t.log(
      `not run: ${ovmf} or ${grubModules} is missing; apt-get install ovmf grub-efi-amd64-bin grub-common`,
    )
    return undefined
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'uefi-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const image = await resolveImage('bookworm-cloud-amd64')
  const esp = path.join(folder, 'esp')
  const config = path.join(folder, 'grub.cfg')
  await execa('mkdir', [esp])
  await copyFile(image.kernel, path.join(esp, 'vmlinuz.efi'))
  await copyFile(image.initramfs, path.join(esp, 'initrd.img'))
  await writeFile(config, grubMenu)
  const grub = path.join(esp, 'grub.efi')
  await execa('grub-mkstandalone', ['-O', 'x86_64-efi', '-o', grub, `boot/grub/grub.cfg=${config}`])
  const drive = ['-drive', `file=fat:${esp},format=raw,if=none,id=esp,read-only=on`]
  return await startFirmware(t, 'x86_64', undefined, [
    '-bios',
    ovmf,
    ...drive,
    '-device',
    'virtio-blk-pci,drive=esp',
  ])
}

/** Goes through the stages to the shell; returns the command line of the kernel there. */
async function commandLineAfter(
  machine: FirmwareMachine,
  commandLine: string,
  stages: unknown[],
): Promise<string> {
  let from = 0
  for (const stage of [...stages, { type: 'shell', ready: 'HARNESS READY' }])
    from = await runStage(parse(stage), machine.context({ from, commandLine }))
  const { output } = await new Shell(machine.console).run('cat /proc/cmdline', { timeoutMs })
  return output.trim()
}

const toGrub = { type: 'uefi-shell', commands: ['fs0:', { run: 'grub.efi', expect: 'GNU GRUB' }] }

test('the UEFI shell starts a kernel with the command line of the harness', async (t) => {
  await using machine = await start(t)
  if (!machine) return t.pass()
  const refused = await t.throwsAsync(
    runStage(parse({ type: 'uefi-shell', commands: ['frobnicate'] }), machine.context()),
    { instanceOf: BoardError },
  )
  t.regex(
    refused!.message,
    /^UEFI shell: `frobnicate` failed \(status 0xE\): "'frobnicate' is not recognized/,
  )
  const from = machine.console.position
  await machine.console.write('\r')
  const commands = ['fs0:', 'ls', String.raw`vmlinuz.efi initrd=\initrd.img %harness_args%`]
  const stage = parse({ type: 'uefi-shell', commands })
  const wanted = `${console} kexec_harness.nonce=0a1b`
  const started = await runStage(stage, machine.context({ from, commandLine: wanted }))
  await runStage(parse({ type: 'shell', ready: 'HARNESS READY' }), machine.context({ from: started }))
  const { output } = await new Shell(machine.console).run('cat /proc/cmdline', { timeoutMs })
  t.regex(output, new RegExp(`${wanted}$`))
})

test("GRUB's command line starts a kernel with the command line of the harness", async (t) => {
  await using machine = await start(t)
  if (!machine) return t.pass()
  const from = await runStage(parse(toGrub), machine.context())
  const refused = await t.throwsAsync(
    runStage(
      parse({ type: 'grub', commands: ['linux /nope'] }),
      machine.context({ from: from - 'GNU GRUB'.length }),
    ),
    { instanceOf: BoardError },
  )
  t.regex(refused!.message, /^GRUB: `linux \/nope` failed \(status 1\): "error: file `\/nope' not found\./)
  const commands = ['linux /vmlinuz.efi $harness_args', 'initrd /initrd.img', 'boot']
  const position = machine.console.position
  await machine.console.write('\r')
  const wanted = `${console} kexec_harness.nonce=0a1b`
  const cmdline = await (async () => {
    const started = await runStage(
      parse({ type: 'grub', commands }),
      machine.context({ from: position, commandLine: wanted }),
    )
    await runStage(parse({ type: 'shell', ready: 'HARNESS READY' }), machine.context({ from: started }))
    return (await new Shell(machine.console).run('cat /proc/cmdline', { timeoutMs })).output
  })()
  t.regex(cmdline, new RegExp(`${wanted}$`))
})

for (const [entry, parameter] of [
  ['Service Linux', 'entry=service'],
  [longTitle, 'entry=long'],
] as const) {
  test(`GRUB's menu: ${parameter}`, async (t) => {
    await using machine = await start(t)
    if (!machine) return t.pass()
    const keepsBanner = { ...toGrub, commands: ['fs0:', { run: 'grub.efi', expect: 'Welcome to GRUB' }] }
    const cmdline = await commandLineAfter(machine, '', [keepsBanner, { type: 'grub', entry }])
    t.regex(cmdline, new RegExp(`${parameter}$`))
  })
}

test("an entry that GRUB can't start, and one that it does not have, are told", async (t) => {
  await using machine = await start(t)
  if (!machine) return t.pass()
  const welcome = { ...toGrub, commands: ['fs0:', { run: 'grub.efi', expect: 'Welcome to GRUB' }] }
  const from = await runStage(parse(welcome), machine.context())
  const missing = await t.throwsAsync(
    runStage(parse({ type: 'grub', entry: 'Rescue' }), machine.context({ from })),
    { instanceOf: BoardError },
  )
  t.regex(
    missing!.message,
    /^GRUB has no entry "Rescue"; it has "Service Linux", "Broken Linux", "Main Linux \(rec/,
  )
})
