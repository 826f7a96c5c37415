/** Menus, byte for byte: what a bootloader makes of them is seen in the integration tests. */
import test from 'ava'
import { UsageError } from '../harness/errors.ts'
import { configFiles, type Menu, pxelinux, type TargetConfig, targetConfigs } from './target-configs.ts'

const kernel = '/boot/vmlinuz'
const initramfs = '/boot/initrd.img'

function menuOf(...labels: string[]): Menu {
  const entries = labels.map((label, index) => ({
    label,
    commandLine: `console=ttyS0 quiet target=${index}`,
    kernel,
    initramfs,
  }))
  return { entries, defaultIndex: Math.min(1, entries.length - 1), timeoutSeconds: 5 }
}

const textOf = (config: TargetConfig, menu: Menu, path: string) =>
  configFiles(config, menu).find((file) => file.path === path)?.text

const two = menuOf('Main Linux A', 'Bob\'s $HOME & <ü> {}; "x" #1 \\')

test('grub.cfg quotes what GRUB, u-root and petitboot would read in their own ways', (t) => {
  t.is(
    textOf('grub', two, '/boot/grub/grub.cfg'),
    `set timeout=5
set default=1
menuentry 'Main Linux A' {
  linux /boot/vmlinuz console=ttyS0 'quiet' target=0
  initrd /boot/initrd.img
}
menuentry 'Bob'"'"'s $HOME & <ü> {}; "x" #1 \\' {
  linux /boot/vmlinuz console=ttyS0 'quiet' target=1
  initrd /boot/initrd.img
}
`,
  )
  const words = { ...two.entries[0]!, commandLine: 'a=1;b if x={y} é'.replace(' é', '') }
  const text = textOf('grub', { ...two, entries: [words], defaultIndex: 0 }, '/boot/grub/grub.cfg')
  t.regex(text!, /^ {2}linux \/boot\/vmlinuz 'a=1;b' 'if' 'x={y}'$/m)
  t.regex(textOf('grub', menuOf("'tis ''"), '/boot/grub/grub.cfg')!, /^menuentry "'"'tis '"''" \{$/m)
})

test('BLS entries are named so that the first one is shown first, and loader.conf names the default', (t) => {
  const menu = menuOf('Main Linux A', "It's # B")
  t.deepEqual(configFiles('bls', menu), [
    {
      path: '/loader/entries/harness-999.conf',
      text: 'title Main Linux A\nlinux /boot/vmlinuz\ninitrd /boot/initrd.img\noptions console=ttyS0 quiet target=0\n',
    },
    {
      path: '/loader/entries/harness-998.conf',
      text: "title It's # B\nlinux /boot/vmlinuz\ninitrd /boot/initrd.img\noptions console=ttyS0 quiet target=1\n",
    },
    { path: '/loader/loader.conf', text: 'timeout 5\ndefault harness-998.conf\n' },
  ])
  t.deepEqual(configFiles('blscfg', menu), [
    ...configFiles('bls', menu),
    { path: '/boot/grub/grub.cfg', text: 'set timeout=5\nset default=harness-998\nblscfg\n' },
  ])
})

test('extlinux.conf has its labels as they are, and tenths of a second', (t) => {
  t.is(
    textOf('extlinux', two, '/extlinux/extlinux.conf'),
    `menu title Target disk
timeout 50
default entry2
label entry1
  menu label Main Linux A
  kernel /boot/vmlinuz
  initrd /boot/initrd.img
  append console=ttyS0 quiet target=0
label entry2
  menu label Bob's $HOME & <ü> {}; "x" #1 \\
  kernel /boot/vmlinuz
  initrd /boot/initrd.img
  append console=ttyS0 quiet target=1
`,
  )
})

test('syslinux.cfg names its entries by what the menu shows, as petitboot has nothing else', (t) => {
  t.is(
    textOf('syslinux', menuOf('Main Linux A', 'B'), '/boot/syslinux/syslinux.cfg'),
    `menu title Target disk
timeout 50
default B
label Main Linux A
  menu label Main Linux A
  kernel /boot/vmlinuz
  initrd /boot/initrd.img
  append console=ttyS0 quiet target=0
label B
  menu label B
  kernel /boot/vmlinuz
  initrd /boot/initrd.img
  append console=ttyS0 quiet target=1
`,
  )
})

test('a pxelinux.cfg is an extlinux.conf at another place', (t) => {
  const file = pxelinux(two)
  t.is(file.path, '/pxelinux.cfg/default')
  t.is(textOf('extlinux', two, '/extlinux/extlinux.conf'), file.text)
  t.throws(() => pxelinux(menuOf('A', 'A')), { instanceOf: UsageError })
  t.throws(() => pxelinux(menuOf('B^C')), { message: /can't stand in a pxelinux menu/ })
})

test('yaboot.conf has an image, then what belongs to it', (t) => {
  t.is(
    textOf('yaboot', menuOf('Main Linux A', 'B = $x'), '/etc/yaboot.conf'),
    `timeout=50
default=B = $x

image=/boot/vmlinuz
label=Main Linux A
initrd=/boot/initrd.img
append=console=ttyS0 quiet target=0

image=/boot/vmlinuz
label=B = $x
initrd=/boot/initrd.img
append=console=ttyS0 quiet target=1
`,
  )
})

test("petitboot's own configuration names its default first", (t) => {
  t.is(
    textOf('petitboot', two, '/boot/petitboot.conf'),
    `default Bob's $HOME & <ü> {}; "x" #1 \\

name Main Linux A
image /boot/vmlinuz
initrd /boot/initrd.img
args console=ttyS0 quiet target=0

name Bob's $HOME & <ü> {}; "x" #1 \\
image /boot/vmlinuz
initrd /boot/initrd.img
args console=ttyS0 quiet target=1
`,
  )
})

test('kboot.conf has an entry on a line', (t) => {
  t.is(
    textOf('kboot', menuOf('A', 'B $x #2'), '/etc/kboot.conf'),
    `timeout=50
default=B $x #2
A='/boot/vmlinuz initrd=/boot/initrd.img console=ttyS0 quiet target=0'
B $x #2='/boot/vmlinuz initrd=/boot/initrd.img console=ttyS0 quiet target=1'
`,
  )
})

test("kexecboot's default is the entry with the highest priority, which a time-out boots", (t) => {
  const text = textOf('kexecboot', menuOf('A', 'B', 'C'), '/boot/boot.cfg')!
  t.is(
    text.slice(0, text.indexOf('\n\n')),
    'LABEL=A\nKERNEL=/boot/vmlinuz\nINITRD=/boot/initrd.img\nCMDLINE=console=ttyS0 quiet target=0\nPRIORITY=2',
  )
  t.deepEqual(text.match(/(?<=PRIORITY=)\d/g), ['2', '3', '0'])
})

const refusals: [what: string, configs: readonly TargetConfig[], label: string, message: RegExp][] = [
  ['a line break', targetConfigs, 'A\nlinux /evil', /"A\\nlinux \/evil" is no line of a menu$/],
  ['an escape sequence', targetConfigs, 'A\u001b[2J', /is no line of a menu$/],
  ['a soft hyphen, which is not seen', targetConfigs, 'A\u00adB', /is no line of a menu$/],
  ['nothing', targetConfigs, '', /"" is no line of a menu$/],
  ['a blank at its end', targetConfigs, 'A ', /is no line of a menu$/],
  ['too many bytes', targetConfigs, 'ü'.repeat(61), /is longer than 120 bytes$/],
  ['a dollar sign', ['bls', 'blscfg'], 'B $x', /can't stand in a bls menu: .*expand dollar signs/],
  [
    'quotes around it',
    ['bls', 'blscfg', 'kboot', 'yaboot'],
    '"B"',
    /can't stand in a (bls|kboot|yaboot) menu/,
  ],
  [
    'a # in front',
    ['extlinux', 'syslinux', 'kboot'],
    '# 1',
    /can't stand in a (extlinux|syslinux|kboot) menu/,
  ],
  ['a ^', ['extlinux', 'syslinux'], 'B^C', /can't stand in a (ext|sys)linux menu: .*a \^ marks a key$/],
  ['an =', ['kboot'], 'a=b', /can't stand in a kboot menu: it is what stands before the = there$/],
  ['the name of a key', ['kboot'], 'default', /can't stand in a kboot menu: it is a key of its own there$/],
]
for (const [what, configs, label, message] of refusals)
  test(`a label with ${what} is refused by ${configs.length === targetConfigs.length ? 'all' : configs.join(', ')}`, (t) => {
    for (const config of targetConfigs) {
      if (!configs.includes(config)) t.notThrows(() => configFiles(config, menuOf('X', label)), config)
      else t.throws(() => configFiles(config, menuOf('X', label)), { instanceOf: UsageError, message })
    }
  })

test('two entries with one label are refused', (t) => {
  t.throws(() => configFiles('grub', menuOf('A', 'A')), { message: /"A" stands for two entries$/ })
})

const commandLines: [commandLine: string, config: TargetConfig, message: RegExp][] = [
  ['', 'grub', /"A" is not made of words of ASCII/],
  ['a=1  b=2', 'grub', /is not made of words of ASCII with single blanks between them$/],
  ['a=1\nb=2', 'bls', /is not made of words of ASCII/],
  ['a=ü', 'bls', /is not made of words of ASCII/],
  ['a="1 2"', 'grub', /has a ", of which each bootloader makes something else$/],
  ["a='1'", 'extlinux', /has a ',/],
  ['a=$b', 'extlinux', /has a \$,/],
  ['a=\\b', 'petitboot', /has a \\,/],
  ['x'.repeat(2048), 'petitboot', /is longer than the 2047 bytes that a kernel takes$/],
  ['ro root=/dev/vda', 'kboot', /has root=\/dev\/vda, which kboot.conf takes for its own$/],
  ['a= b', 'kboot', /has a=, which/],
  [
    'x'.repeat(247),
    'kexecboot',
    /is too long for kexecboot, which reads lines of 254 bytes; this one has 255$/,
  ],
]
for (const [commandLine, config, message] of commandLines)
  test(`the command line ${JSON.stringify(commandLine.slice(0, 20))} is refused by ${config}`, (t) => {
    const entries = [{ label: 'A', commandLine, kernel, initramfs }]
    const menu = { entries, defaultIndex: 0, timeoutSeconds: 5 }
    t.throws(() => configFiles(config, menu), { instanceOf: UsageError, message })
  })

test('kexecboot takes the longest line that it can read', (t) => {
  const entries = [{ label: 'A', commandLine: 'x'.repeat(246), kernel, initramfs }]
  const text = textOf('kexecboot', { entries, defaultIndex: 0, timeoutSeconds: 5 }, '/boot/boot.cfg')!
  // fgets(line, 256): the line, its end, a NUL.
  t.is(Math.max(...text.split('\n').map((line) => line.length)) + 2, 256)
})
