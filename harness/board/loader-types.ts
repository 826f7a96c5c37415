/** What a descriptor may say of its loader. A new loader is its file in harness/loader/, its entry there, and one here. */
import { z } from 'zod'
import { host, oneLine } from '../values.ts'
import { dialogueKeys } from './dialogue-schema.ts'

const syscall = z.enum(['kexec_load', 'kexec_file_load'])
const ways = {
  syscall: syscall.default('kexec_load').meta({
    description: 'kexec_load is `kexec -c`, kexec_file_load is `kexec -s`, which arm64 Debian kernels lack.',
  }),
  checks: z
    .boolean()
    .default(true)
    .meta({ description: "False skips purgatory's SHA-256 of the new kernel (`kexec --no-checks`)." }),
  ifdown: z.boolean().default(true).meta({
    description: 'False leaves network interfaces up (`kexec -e -x`), which shows NIC driver bugs.',
  }),
}

/** Loaders that are driven in a root shell of the kernel that will kexec. */
const inShell = [
  z
    .strictObject({ type: z.literal('kexec-tools'), ...ways })
    .meta({ description: "kexec-tools' `kexec` on the board." }),
  z
    .strictObject({ type: z.literal('kdump'), syscall: ways.syscall, checks: ways.checks })
    .meta({ description: 'A crash kernel, `kexec -p`, and a crash.' }),
  z
    .strictObject({ type: z.literal('systemctl-kexec'), syscall: ways.syscall })
    .meta({ description: '`systemctl kexec` of a kernel that kexec-tools loaded.' }),
  z
    .strictObject({ type: z.literal('kexec-target'), syscall: ways.syscall })
    .meta({ description: "systemd's kexec.target, with a kernel that kexec-tools loaded." }),
  z
    .strictObject({ type: z.literal('debian-reboot'), syscall: ways.syscall })
    .meta({ description: "Debian's `reboot` with a kernel that kexec-tools loaded." }),
  z
    .strictObject({
      type: z.literal('pxe-kexec'),
      server: host
        .default('10.0.2.2')
        .meta({ description: "The TFTP server; by default the one of QEMU's user network." }),
      label: oneLine.default('main').meta({ description: 'The entry of its pxelinux.cfg.' }),
      dialogue: z.boolean().default(false).meta({
        description:
          "True answers pxe-kexec's questions, and adds to the command line: for a server of your own.",
      }),
    })
    .meta({ description: 'pxe-kexec: an entry of a pxelinux.cfg that a TFTP server offers.' }),
  z
    .strictObject({ type: z.literal('u-root-kexec'), syscall: ways.syscall })
    .meta({ description: "u-root's `kexec` command in its shell; kexec_load is `kexec -L`." }),
] as const

const menuKeys = {
  timeout: z
    .number()
    .int()
    .min(1)
    .max(600)
    .optional()
    .meta({ description: "The menu's time-out in seconds, where it is not the loader's own." }),
}

/** Bootloaders with a menu of their own: the board boots into them, and they boot the entries of a disk. */
const withMenu = [
  z
    .strictObject({
      type: z.literal('u-root'),
      ...menuKeys,
      command: z.enum(['boot', 'pxeboot', 'localboot']).default('boot').meta({
        description: 'Which of its commands finds and boots the entries; localboot has no menu, but numbers.',
      }),
    })
    .meta({ description: 'u-root (LinuxBoot): the menu of its `boot` or `pxeboot`, or `localboot -grub`.' }),
  z
    .strictObject({ type: z.literal('petitboot'), ...menuKeys })
    .meta({ description: "petitboot's menu, petitboot-nc on the console." }),
  z
    .strictObject({ type: z.literal('kexecboot'), ...menuKeys })
    .meta({ description: "kexecboot's text menu, by QEMU's keyboard or by its time-out." }),
  z
    .strictObject({
      type: z.literal('dialogue'),
      ...menuKeys,
      name: oneLine.meta({ description: 'What reports call this bootloader.' }),
      ...dialogueKeys,
    })
    .meta({ description: 'A bootloader that the harness does not know, as steps: expect, send, menu.' }),
] as const

export const loaderTypes = z.discriminatedUnion('type', [...inShell, ...withMenu])
/** A descriptor's loader: its type and what it was told. */
export type LoaderChoice = z.infer<typeof loaderTypes>
export type MenuLoaderChoice = z.infer<(typeof withMenu)[number]>

export const loaderNames: readonly string[] = loaderTypes.options.map((option) => option.shape.type.value)
const menuNames: readonly string[] = withMenu.map((option) => option.shape.type.value)

/** Whether the board boots into the loader, which then shows a menu, and not into a shell where the loader is run. */
export function hasMenu(loader: LoaderChoice): loader is MenuLoaderChoice {
  return menuNames.includes(loader.type)
}

/** The same, of a name on a command line. */
export function isMenuName(name: string | undefined): boolean {
  return name !== undefined && menuNames.includes(name)
}

/** The way of loading that a descriptor asks for; what a loader can't be told is as kexec-tools does it. */
export function methodOf(loader: LoaderChoice): {
  syscall: z.infer<typeof syscall>
  checks: boolean
  ifdown: boolean
} {
  return {
    syscall: 'syscall' in loader ? loader.syscall : 'kexec_load',
    checks: 'checks' in loader ? loader.checks : true,
    ifdown: 'ifdown' in loader ? loader.ifdown : true,
  }
}

/** The quickest way of the kind that a descriptor asks for: without purgatory's digest, where the loader can leave it out. */
export function quickestOf(loader: LoaderChoice): ReturnType<typeof methodOf> {
  const method = methodOf(loader)
  const fixed = loader.type === 'pxe-kexec' || loader.type === 'u-root-kexec'
  return { ...method, checks: fixed || method.syscall === 'kexec_file_load' }
}
