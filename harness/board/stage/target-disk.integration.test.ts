/** Target disks, read by what Debian has: U-Boot, GRUB, and kexec-tools. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { execa } from 'execa'
import { installPackages } from '../../../images/apt-install.ts'
import { exists } from '../../../images/cache.ts'
import { ensureProgram } from '../../../images/host-packages.ts'
import { type Image, resolveImage } from '../../../images/image.ts'
import { makeTargetDisk, type TargetDiskOptions, type TargetEntry } from '../../../images/target-disk.ts'
import { type KernelFault, kernelFaults } from '../../../images/target-kernels.ts'
import { ensureUBoot } from '../../../qemu/rig/firmware.ts'
import { Shell } from '../../console/shell.ts'
import { BoardError } from '../../errors.ts'
import { type FirmwareMachine, startFirmware } from './machine-fixture.ts'
import { runStage, type Stage, stageTypes } from './stages.ts'

const timeoutMs = 180_000
const recipes = { x86_64: 'bookworm-cloud-amd64', arm64: 'bookworm-cloud-arm64' } as const
/** Architectures whose firmware is tried here. */
type Arch = keyof typeof recipes
const ovmf = '/usr/share/ovmf/OVMF.fd'
const grubModules = '/usr/lib/grub/x86_64-efi'
const parse = (stage: unknown): Stage => stageTypes.parse(stage)

function entriesFor(arch: Arch): TargetEntry[] {
  // On a busy host a TCG machine may fail the kernel's timer check (IO-APIC + timer doesn't work).
  const console = arch === 'arm64' ? 'console=ttyAMA0' : 'console=ttyS0 no_timer_check'
  const entry = (label: string, nonce: string, fault: TargetEntry['fault'] = null): TargetEntry => ({
    label,
    commandLine: `${console} a=1;b {x} if kexec_harness.nonce=${nonce}`,
    fault,
  })
  return [
    entry('Main Linux', '0a'),
    entry(`Bob's "$HOME" {x}; #1 & <y>`, '0b'),
    entry('Third', '0c'),
    ...kernelFaults.map((fault) => entry(`Bad: ${fault}`, 'bad', fault)),
  ]
}

async function makeDisk(t: ExecutionContext, arch: Arch, more: Partial<TargetDiskOptions>) {
  const image = await resolveImage(recipes[arch])
  const folder = await mkdtemp(path.join(tmpdir(), 'target-disk-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const entries = entriesFor(arch)
  const disk = await makeTargetDisk({ image, folder, entries, timeoutSeconds: 20, ...more })
  return { image, folder, disk, entries }
}

test.serial('without a key U-Boot boots the entry that is the default', async (t) => {
  const entries = entriesFor('arm64').map((entry, index) => ({ ...entry, isDefault: index === 2 }))
  const { disk } = await makeDisk(t, 'arm64', { configs: ['extlinux'], entries, timeoutSeconds: 2 })
  const firmware = await ensureUBoot('arm64', {})
  await using machine = await startFirmware(t, 'arm64', disk.path, ['-bios', firmware])
  const { end } = await machine.console.expect('Enter choice', { timeoutMs, what: 'menu' })
  t.is(await commandLineAfter(machine, end), entries[2]!.commandLine)
})

/** The command line of the kernel that comes up after `from`. */
async function commandLineAfter(machine: FirmwareMachine, from: number): Promise<string> {
  await runStage(parse({ type: 'shell', ready: 'HARNESS READY' }), machine.context({ from }))
  const { output } = await new Shell(machine.console).run('cat /proc/cmdline', { timeoutMs })
  return output.trim()
}

async function startUBoot(t: ExecutionContext) {
  const { disk, entries } = await makeDisk(t, 'arm64', { configs: ['extlinux'] })
  const firmware = await ensureUBoot('arm64', {})
  return { entries, machine: await startFirmware(t, 'arm64', disk.path, ['-bios', firmware]) }
}

test.serial('U-Boot boots the entry whose label is hostile, with its own command line', async (t) => {
  const { entries, machine } = await startUBoot(t)
  await using _machine = machine
  const { label, commandLine } = entries[1]!
  const from = await runStage(parse({ type: 'extlinux', entry: label }), machine.context())
  t.is(await commandLineAfter(machine, from), commandLine)
})

test.serial('U-Boot refuses faulty kernels of a target disk in its own words', async (t) => {
  const { entries, machine } = await startUBoot(t)
  await using _machine = machine
  const refusals: [KernelFault, string, RegExp][] = [
    ['missing-kernel', 'load virtio 0:1 $kernel_addr_r /boot/missing-kernel', /Failed to load/],
    [
      'garbage',
      'load virtio 0:1 $kernel_addr_r /boot/garbage; booti $kernel_addr_r',
      /Bad Linux ARM64 Image magic/,
    ],
    [
      'wrong-arch',
      'load virtio 0:1 $kernel_addr_r /boot/wrong-arch; booti $kernel_addr_r',
      /Bad Linux ARM64 Image magic/,
    ],
    ['too-large', 'load virtio 0:1 $kernel_addr_r /boot/too-large', /would overwrite reserved memory/],
  ]
  let stage: object = {}
  for (const [fault, run, words] of refusals) {
    t.true(entries.some((entry) => entry.fault === fault))
    const error = await t.throwsAsync(
      runStage(parse({ type: 'u-boot', commands: [{ run, limit: '1m' }], ...stage }), machine.context()),
      { instanceOf: BoardError },
      fault,
    )
    t.log(`${fault}: ${error?.message}`)
    t.regex(`${error?.message}\n${machine.console.since(0)}`, words)
    // It stays where it is.
    stage = { interrupt: false }
  }
})

/** Starts EDK II with GRUB on a file system of its own, whose configuration is the target disk's. */
async function startGrub(t: ExecutionContext, more: Partial<TargetDiskOptions>) {
  if (process.geteuid?.() === 0 && !((await exists(ovmf)) && (await exists(grubModules))))
    await installPackages(['ovmf', 'grub-efi-amd64-bin', 'grub-common'], {})
  if (!((await exists(ovmf)) && (await exists(grubModules)))) {
    t.log(
      `not run: ${ovmf} or ${grubModules} is missing; apt-get install ovmf grub-efi-amd64-bin grub-common`,
    )
    return undefined
  }
  const { disk, entries, folder } = await makeDisk(t, 'x86_64', { configs: ['grub'], ...more })
  const esp = path.join(folder, 'esp')
  const config = path.join(folder, 'grub.cfg')
  await mkdir(esp)
  await writeFile(
    config,
    'insmod part_msdos\nsearch --no-floppy --label --set=root target\nconfigfile /boot/grub/grub.cfg\n',
  )
  const { path: make } = await ensureProgram({ program: 'grub-mkstandalone', packages: ['grub-common'] })
  const grub = path.join(esp, 'grub.efi')
  await execa(make, ['-O', 'x86_64-efi', '-o', grub, `boot/grub/grub.cfg=${config}`])
  const drive = ['-drive', `file=fat:${esp},format=raw,if=none,id=esp,read-only=on`]
  const args = ['-bios', ovmf, ...drive, '-device', 'virtio-blk-pci,drive=esp']
  return { entries, machine: await startFirmware(t, 'x86_64', disk.path, args) }
}

// Of its two disks the firmware reads only the one that has FAT.
const toGrub = parse({
  type: 'uefi-shell',
  commands: ['fs0:', { run: 'grub.efi', expect: 'Welcome to GRUB' }],
})

for (const { partitioned, defaultIndex } of [
  { partitioned: true, defaultIndex: 0 },
  { partitioned: false, defaultIndex: 2 },
])
  test.serial(
    `GRUB boots the entry whose label is hostile, ${partitioned ? 'from a partition, below the default' : 'whole disk, above the default'}`,
    async (t) => {
      const all = entriesFor('x86_64').map((entry, index) => ({
        ...entry,
        isDefault: index === defaultIndex,
      }))
      const started = await startGrub(t, { partitioned, entries: all })
      if (!started) return t.pass()
      await using machine = started.machine
      const { label, commandLine } = started.entries[1]!
      const menu = await runStage(toGrub, machine.context())
      const from = await runStage(parse({ type: 'grub', entry: label }), machine.context({ from: menu }))
      // GRUB puts its own BOOT_IMAGE in front.
      t.is((await commandLineAfter(machine, from)).replace(/^BOOT_IMAGE=\S+ /, ''), commandLine)
    },
  )

/** Boots the image itself, with the disk at /mnt. */
async function startLinux(t: ExecutionContext, arch: Arch, image: Image, disk: string) {
  const console = arch === 'arm64' ? 'console=ttyAMA0' : 'console=ttyS0 no_timer_check'
  const kernel = ['-kernel', image.kernel, '-initrd', image.initramfs, '-append', console]
  const drive = ['-drive', `file=${disk},format=raw,if=none,id=target,snapshot=on`]
  const device = ['-device', 'virtio-blk-pci,drive=target']
  const machine = await startFirmware(t, arch, undefined, [...kernel, ...drive, ...device])
  await runStage(parse({ type: 'shell', ready: 'HARNESS READY' }), machine.context())
  const shell = new Shell(machine.console)
  const run = (command: string) => shell.run(command, { timeoutMs })
  t.like(await run('mkdir -p /mnt && mount -o ro LABEL=target /mnt'), { status: 0 })
  return { machine, run }
}

for (const [arch, calls] of [
  ['x86_64', ['-c', '-s']],
  ['arm64', ['-c']],
] as const)
  test.serial(`kexec-tools on ${arch} loads none of a disk's faulty kernels`, async (t) => {
    const { disk, image, entries } = await makeDisk(t, arch, {})
    const { machine, run } = await startLinux(t, arch, image, disk.path)
    await using _machine = machine
    for (const { fault } of entries) {
      for (const call of calls) {
        const file = fault ?? { x86_64: 'vmlinuz', arm64: 'Image' }[arch]
        const line = `--initrd=/mnt/boot/initrd.img --command-line=x`
        const { status, output } = await run(`kexec ${call} -l /mnt/boot/${file} ${line}`)
        t.log(`kexec ${call} -l ${file}: ${status} ${output.split('\n').slice(0, 3).join(' | ')}`)
        // A kernel that is not signed is as good as any, where no signature is asked for.
        t.is(status === 0, fault === null || fault === 'unsigned', `${call} ${file}: ${output}`)
      }
    }
  })
