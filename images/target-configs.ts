/** The menus of a target disk: the same entries, as each kind of bootloader reads them. */
import { UsageError } from '../harness/errors.ts'

/**
 * Configurations that a target disk can have. A loader shows the entries of every one that it finds: u-root those of
 * bls, grub, extlinux and syslinux, petitboot those of grub or blscfg, syslinux, petitboot, kboot and yaboot.
 * `blscfg` is `bls` with a grub.cfg that asks for it, as Fedora has it; petitboot reads BLS entries only so.
 */
export const targetConfigs = [
  'grub',
  'bls',
  'blscfg',
  'extlinux',
  'syslinux',
  'petitboot',
  'kboot',
  'yaboot',
  'kexecboot',
] as const
export type TargetConfig = (typeof targetConfigs)[number]

/** A line of a menu. */
export type MenuEntry = { label: string; commandLine: string; kernel: string; initramfs: string }

export type Menu = {
  /** In the order in which a menu shows them. */
  entries: readonly MenuEntry[]
  /** Which of them boots by itself. */
  defaultIndex: number
  /** How long the menu waits, for loaders that have no time-out of their own. */
  timeoutSeconds: number
}

/** A text file of the disk. */
export type TextFile = { path: string; text: string }

/** Longest command line that every kernel takes: COMMAND_LINE_SIZE of x86 and arm64, less its NUL. */
const maxCommandLineBytes = 2047
const maxLabelBytes = 120

/** The files of one configuration. Throws UsageError for a label or command line that it can't say. */
export function configFiles(config: TargetConfig, menu: Menu): TextFile[] {
  checkMenu(menu)
  return writers[config](menu)
}

/** What a TFTP server offers: https://wiki.syslinux.org/wiki/index.php?title=PXELINUX. Throws as `configFiles`. */
export function pxelinux(menu: Menu): TextFile {
  checkMenu(menu)
  return { path: '/pxelinux.cfg/default', text: syslinux(menu, 'pxelinux') }
}

const writers: Record<TargetConfig, (menu: Menu) => TextFile[]> = {
  grub: (menu) => [{ path: '/boot/grub/grub.cfg', text: grub(menu) }],
  bls,
  blscfg: (menu) => [...bls(menu), { path: '/boot/grub/grub.cfg', text: blscfg(menu) }],
  extlinux: (menu) => [{ path: '/extlinux/extlinux.conf', text: syslinux(menu, 'extlinux') }],
  syslinux: (menu) => [{ path: '/boot/syslinux/syslinux.cfg', text: labelledSyslinux(menu) }],
  petitboot: (menu) => [{ path: '/boot/petitboot.conf', text: petitboot(menu) }],
  kboot: (menu) => [{ path: '/etc/kboot.conf', text: kboot(menu) }],
  yaboot: (menu) => [{ path: '/etc/yaboot.conf', text: yaboot(menu) }],
  kexecboot: (menu) => [{ path: '/boot/boot.cfg', text: kexecboot(menu) }],
}

function checkMenu({ entries }: Menu): void {
  const labels = new Set<string>()
  for (const { label, commandLine } of entries) {
    const what = `the label ${JSON.stringify(label)}`
    if (!/^\P{C}+$/u.test(label) || /^ | $| {2}/.test(label))
      throw new UsageError(`${what} is no line of a menu`, {
        hint: 'It is one line of text, with single blanks between its words.',
      })
    if (Buffer.byteLength(label) > maxLabelBytes)
      throw new UsageError(`${what} is longer than ${maxLabelBytes} bytes`)
    if (labels.has(label)) throw new UsageError(`${what} stands for two entries`)
    labels.add(label)
    checkCommandLine(label, commandLine)
  }
}

function checkCommandLine(label: string, commandLine: string): void {
  const of = `the command line of ${JSON.stringify(label)}`
  if (!/^[!-~]+( [!-~]+)*$/.test(commandLine))
    throw new UsageError(`${of} is not made of words of ASCII with single blanks between them`)
  // GRUB puts backslashes before quotes, U-Boot takes them away and expands dollar signs, petitboot keeps all.
  const quoting = /["'\\$]/.exec(commandLine)?.[0]
  if (quoting !== undefined)
    throw new UsageError(`${of} has a ${quoting}, of which each bootloader makes something else`)
  if (commandLine.length > maxCommandLineBytes)
    throw new UsageError(`${of} is longer than the ${maxCommandLineBytes} bytes that a kernel takes`)
}

/** Throws UsageError where a label of a menu is one that the configuration has no way to say. */
function refuseLabels({ entries }: Menu, config: string, unspeakable: RegExp, why: string): void {
  for (const { label } of entries)
    if (unspeakable.test(label))
      throw new UsageError(`the label ${JSON.stringify(label)} can't stand in a ${config} menu: ${why}`, {
        hint: 'change the label, or leave this configuration out',
      })
}

/** What neither GRUB nor the parsers of u-root and petitboot take for anything but text. Some words are reserved. */
const plainWord = /^(?=.*[^a-z])[\w.,:=/@%+-]+$/

/**
 * Quotes a word for GRUB. Single quotes mean the same to all who read its configuration, backslashes do not:
 * petitboot keeps them.
 */
function grubWord(word: string): string {
  if (plainWord.test(word)) return word
  // An apostrophe stands in double quotes, and an empty pair of quotes would be a word of its own to petitboot.
  return word.replaceAll(/'+|[^']+/g, (part) => (part.startsWith("'") ? `"${part}"` : `'${part}'`))
}

/** https://www.gnu.org/software/grub/manual/grub/html_node/Shell_002dlike-scripting.html */
function grub({ entries, defaultIndex, timeoutSeconds }: Menu): string {
  const menu = entries.map(
    ({ label, commandLine, kernel, initramfs }) => `menuentry ${grubWord(label)} {
  linux ${kernel} ${commandLine.split(' ').map(grubWord).join(' ')}
  initrd ${initramfs}
}
`,
  )
  return `set timeout=${timeoutSeconds}\nset default=${defaultIndex}\n${menu.join('')}`
}

/** Boot managers show the last file name first (systemd-boot's order, of versions), so names count down. */
function blsName(index: number): string {
  return `harness-${999 - index}`
}

/** https://uapi-group.org/specifications/specs/boot_loader_specification/, type #1; the default is systemd-boot's. */
function bls(menu: Menu): TextFile[] {
  const why = 'GRUB and petitboot expand dollar signs there, and petitboot takes quotes at its ends away'
  refuseLabels(menu, 'bls', /\$|^["']|["']$/, why)
  const { entries, defaultIndex, timeoutSeconds } = menu
  const files = entries.map(({ label, commandLine, kernel, initramfs }, index) => ({
    path: `/loader/entries/${blsName(index)}.conf`,
    text: `title ${label}\nlinux ${kernel}\ninitrd ${initramfs}\noptions ${commandLine}\n`,
  }))
  const text = `timeout ${timeoutSeconds}\ndefault ${blsName(defaultIndex)}.conf\n`
  return [...files, { path: '/loader/loader.conf', text }]
}

function blscfg({ defaultIndex, timeoutSeconds }: Menu): string {
  return `set timeout=${timeoutSeconds}\nset default=${blsName(defaultIndex)}\nblscfg\n`
}

/**
 * https://wiki.syslinux.org/wiki/index.php?title=Config; U-Boot's boot/pxe_utils.c counts tenths of a second. `names` are
 * what stands after `label`, of which each entry has another.
 */
function syslinux(menu: Menu, config: string, names = menu.entries.map(wordName)): string {
  refuseLabels(menu, config, /^#|\^/, 'a # begins a comment there, and a ^ marks a key')
  const { entries, defaultIndex, timeoutSeconds } = menu
  const texts = entries.map(
    ({ label, commandLine, kernel, initramfs }, index) => `label ${names[index]}
  menu label ${label}
  kernel ${kernel}
  initrd ${initramfs}
  append ${commandLine}
`,
  )
  const head = `menu title Target disk\ntimeout ${timeoutSeconds * 10}\ndefault ${names[defaultIndex]}\n`
  return `${head}${texts.join('')}`
}

/** Most of those who read it want a word there, and show `menu label`. */
function wordName(_: MenuEntry, index: number): string {
  return `entry${index + 1}`
}

/** petitboot knows no `menu label`: it shows what stands after `label`, to the line's end (discover/syslinux-parser.c). */
function labelledSyslinux(menu: Menu): string {
  return syslinux(
    menu,
    'syslinux',
    menu.entries.map(({ label }) => label),
  )
}

/** petitboot's own: discover/native/native-lexer.l; what stands first on a line is a key, the rest its value. */
function petitboot({ entries, defaultIndex }: Menu): string {
  const texts = entries.map(
    ({ label, commandLine, kernel, initramfs }) =>
      `\nname ${label}\nimage ${kernel}\ninitrd ${initramfs}\nargs ${commandLine}\n`,
  )
  return `default ${entries[defaultIndex]!.label}\n${texts.join('')}`
}

/** Keys of kboot.conf that are no entries; petitboot's discover/kboot-parser.c. */
const kbootKeys = /^(?:default|delay|dtb|initrd|message|root|timeout|video)$/

/** LABEL='KERNEL initrd=… WORDS': as kboot and petitboot read it. */
function kboot(menu: Menu): string {
  refuseLabels(menu, 'kboot', /[=]|^[#"']|["']$/, 'it is what stands before the = there')
  refuseLabels(menu, 'kboot', kbootKeys, 'it is a key of its own there')
  const { entries, defaultIndex, timeoutSeconds } = menu
  const lines = entries.map(({ label, commandLine, kernel, initramfs }) => {
    const wrong = commandLine.split(' ').find((word) => /^(?:root|initrd|dtb)=|=$/.test(word))
    if (wrong !== undefined)
      throw new UsageError(
        `the command line of ${JSON.stringify(label)} has ${wrong}, which kboot.conf takes for its own`,
      )
    return `${label}='${kernel} initrd=${initramfs} ${commandLine}'\n`
  })
  // Tenths of a second, as the yaboot before it had them.
  return `timeout=${timeoutSeconds * 10}\ndefault=${entries[defaultIndex]!.label}\n${lines.join('')}`
}

/** yaboot.conf(5), without its quotes; petitboot's discover/yaboot-parser.c. */
function yaboot(menu: Menu): string {
  refuseLabels(menu, 'yaboot', /^["']|["']$/, 'petitboot takes quotes at its ends away')
  const { entries, defaultIndex, timeoutSeconds } = menu
  const texts = entries.map(
    ({ label, commandLine, kernel, initramfs }) =>
      `\nimage=${kernel}\nlabel=${label}\ninitrd=${initramfs}\nappend=${commandLine}\n`,
  )
  return `timeout=${timeoutSeconds * 10}\ndefault=${entries[defaultIndex]!.label}\n${texts.join('')}`
}

/** kexecboot reads a line into 256 bytes (src/cfgparser.c), its end and a NUL among them. */
const maxKexecbootBytes = 254

/** After a time-out kexecboot boots its first entry, so the default one is that. */
function kexecboot({ entries, defaultIndex }: Menu): string {
  const texts = entries.map(({ label, commandLine, kernel, initramfs }, index) => {
    const priority = index === defaultIndex ? entries.length : entries.length - 1 - index
    const lines = [
      `LABEL=${label}`,
      `KERNEL=${kernel}`,
      `INITRD=${initramfs}`,
      `CMDLINE=${commandLine}`,
      `PRIORITY=${priority}`,
    ]
    const long = lines.find((line) => Buffer.byteLength(line) > maxKexecbootBytes)
    if (long !== undefined)
      throw new UsageError(
        `the command line of ${JSON.stringify(label)} is too long for kexecboot, which reads lines of ${maxKexecbootBytes} bytes; this one has ${Buffer.byteLength(long)}`,
        { hint: 'shorten it, or leave the configuration kexecboot out' },
      )
    return `${lines.join('\n')}\n`
  })
  return texts.join('\n')
}
