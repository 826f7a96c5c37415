/** The UEFI shell of EDK II and GRUB, on a file system that QEMU makes of a folder. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { execa } from 'execa'
import { installPackages } from '../../../images/apt-install.ts'
import { exists } from '../../../images/cache.ts'
import { ensureProgram } from '../../../images/host-packages.ts'
import { resolveImage } from '../../../images/image.ts'
import { Shell } from '../../console/shell.ts'
import { BoardError } from '../../errors.ts'
import { type FirmwareMachine, startFirmware } from './machine-fixture.ts'
import { runStage, type Stage, stageTypes } from './stages.ts'

const timeoutMs = 120_000
const ovmf = '/usr/share/ovmf/OVMF.fd'
const grubModules = '/usr/lib/grub/x86_64-efi'
const parse = (stage: unknown): Stage => stageTypes.parse(stage)
// On a busy host a TCG machine may fail the kernel's timer check (IO-APIC + timer doesn't work).
const console = 'console=ttyS0 earlyprintk=ttyS0,115200 no_timer_check'
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
  await mkdir(esp)
  await copyFile(image.kernel, path.join(esp, 'vmlinuz.efi'))
  await copyFile(image.initramfs, path.join(esp, 'initrd.img'))
  await writeFile(config, grubMenu)
  const grub = path.join(esp, 'grub.efi')
  const { path: make } = await ensureProgram({ program: 'grub-mkstandalone', packages: ['grub-common'] })
  await execa(make, ['-O', 'x86_64-efi', '-o', grub, `boot/grub/grub.cfg=${config}`])
  const drive = ['-drive', `file=fat:${esp},format=raw,if=none,id=esp,read-only=on`]
  return await startFirmware(t, 'x86_64', undefined, [
    '-bios',
    ovmf,
    ...drive,
    '-device',
    'virtio-blk-pci,drive=esp',
  ])
}

type From = { from: number; commandLine?: string }

/** Goes through a stage and to the shell; returns the command line of the kernel there. */
async function commandLineAfter(machine: FirmwareMachine, stage: unknown, context: From): Promise<string> {
  const from = await runStage(parse(stage), machine.context(context))
  await runStage(parse({ type: 'shell', ready: 'HARNESS READY' }), machine.context({ from }))
  const { output } = await new Shell(machine.console).run('cat /proc/cmdline', { timeoutMs })
  return output.trim()
}

/** What a stage refuses. */
function refusalOf(t: ExecutionContext, machine: FirmwareMachine, stage: unknown, from: number) {
  return t.throwsAsync(runStage(parse(stage), machine.context({ from })), { instanceOf: BoardError })
}

const wanted = `${console} kexec_harness.nonce=0a1b`
const toMenu = { type: 'uefi-shell', commands: ['fs0:', { run: 'grub.efi', expect: 'Welcome to GRUB' }] }

test.serial('the UEFI shell starts a kernel with the command line of the harness', async (t) => {
  await using machine = await start(t)
  if (!machine) return t.pass()
  const refused = await refusalOf(t, machine, { type: 'uefi-shell', commands: ['frobnicate'] }, 0)
  t.regex(
    refused!.message,
    /^UEFI shell: `frobnicate` failed \(status 0xE\): "'frobnicate' is not recognized .* script file\."$/,
  )
  const from = machine.console.position
  await machine.console.write('\r')
  const commands = ['fs0:', 'ls', String.raw`vmlinuz.efi initrd=\initrd.img %harness_args%`]
  const stage = { type: 'uefi-shell', commands }
  const commandLine = await commandLineAfter(machine, stage, { from, commandLine: wanted })
  t.true(commandLine.endsWith(wanted), commandLine)
})

test.serial("GRUB's command line starts a kernel with the command line of the harness", async (t) => {
  await using machine = await start(t)
  if (!machine) return t.pass()
  const menu = await runStage(parse(toMenu), machine.context())
  const refused = await refusalOf(t, machine, { type: 'grub', commands: ['linux /nope'] }, menu)
  t.regex(refused!.message, /^GRUB: `linux \/nope` failed \(status 1\): "error: file `\/nope' not found\./)
  const from = machine.console.position
  await machine.console.write('\r')
  const commands = ['linux /vmlinuz.efi $harness_args', 'initrd /initrd.img', 'boot']
  const commandLine = await commandLineAfter(
    machine,
    { type: 'grub', commands },
    { from, commandLine: wanted },
  )
  t.true(commandLine.endsWith(wanted), commandLine)
})

for (const [entry, parameter] of [
  ['Service Linux', 'entry=service'],
  [longTitle, 'entry=long'],
] as const) {
  test.serial(`GRUB's menu: ${parameter}`, async (t) => {
    await using machine = await start(t)
    if (!machine) return t.pass()
    const from = await runStage(parse(toMenu), machine.context())
    const commandLine = await commandLineAfter(machine, { type: 'grub', entry }, { from })
    t.true(commandLine.endsWith(parameter), commandLine)
  })
}

test.serial("an entry that GRUB can't start, and one that it does not have, are told", async (t) => {
  await using machine = await start(t)
  if (!machine) return t.pass()
  const menu = await runStage(parse(toMenu), machine.context())
  const broken = await refusalOf(t, machine, { type: 'grub', entry: 'Broken Linux' }, menu)
  t.regex(broken!.message, /^GRUB could not start "Broken Linux": "error: file `\/nope' not found\."$/)
  const from = machine.console.position
  // Any key brings the menu back, with the cursor where it was.
  await machine.console.write('\r')
  const missing = await refusalOf(t, machine, { type: 'grub', entry: 'Rescue' }, from)
  t.regex(
    missing!.message,
    /^GRUB has no entry "Rescue"; it has "Service Linux", "Broken Linux", "Main Linux \(.*line of the menu"$/,
  )
})
