import test from 'ava'
import {
  bootEntries,
  readAttempts,
  readCommandLines,
  readFailures,
  readList,
  readLocalEntries,
  withoutNoise,
} from './u-root-menu.ts'

const stamp = '2026/11/21 17:17:49'
/** As serial consoles have it: from cooked and raw writes, with one carriage return, two or none. */
const list = (...labels: string[]) =>
  `${[...labels, 'Reboot', 'Enter a LinuxBoot shell']
    .map((label, index) => `${String(index + 1).padStart(2, '0')}. ${label}\r\r\n\n`)
    .join('')}\r\r\nEnter an option ('01' is the default, 'e' to edit kernel cmdline):\r\n > `

const failure = (
  label: string,
  cause: string,
) => `${stamp} Failed to load ${label}: could not load image LinuxImage(\r
  Name: ${label}\r
  Kernel: file:///tmp/u-root-mounts1/vda/boot/x\r
  Initrd: <nil>\r
  Cmdline: target=C console=ttyS0\r
  DTB: <nil>\r
)\r
: ${cause}\r
`

test('the list is read with its numbers, and what boots nothing is told apart by its place', (t) => {
  const shown = readList(list('Main Linux A', 'Reboot'))!
  t.true(shown.whole)
  t.deepEqual(bootEntries(shown), [
    { number: 1, label: 'Main Linux A' },
    { number: 2, label: 'Reboot' },
  ])
})

test('a menu without anything to boot is whole, too', (t) => {
  const shown = readList(list())!
  t.true(shown.whole)
  t.deepEqual(bootEntries(shown), [])
})

test('the list that was printed last counts, not grub.cfg, not a list before it', (t) => {
  const dumped = `[grub] Got config file file:///vda/boot/grub/grub.cfg:\nmenuentry '01. Dumped' {\n`
  const shown = readList(`${dumped}${list('Old A', 'Old B')}2\r\n${list('New')}`)!
  t.deepEqual(bootEntries(shown), [{ number: 1, label: 'New' }])
})

test('a list that lost bytes is not whole', (t) => {
  const whole = list('Main Linux A', 'Main Linux B', 'Main Linux C')
  for (const [from, to] of [
    ['02. ', '2. '],
    ['02. ', '02.'],
    ['03. ', '13. '],
    ['B\r\r\n\n', 'B'],
    ['Enter a LinuxBoot', 'Entera LinuxBoot'],
    ['04. Reboot', '04. Rebot'],
  ] as const)
    t.false(readList(whole.replace(from, to))!.whole, `${from} → ${to}`)
})

test('a kernel message in the middle of a line is no part of it', (t) => {
  const said = list('Main Linux A').replace('Linux A', '[   19.100511] clocksource: Long readout\r\nLinux A')
  t.deepEqual(bootEntries(readList(said)!), [{ number: 1, label: 'Main Linux A' }])
})

test('a refusal is told whole, its cause first, whether the menu came before or after it', (t) => {
  const cause = 'SYS_kexec_file_load(10, 0, target=C console=ttyS0, 4) = exec format error'
  const said = failure('Bad: not a kernel', cause)
  for (const text of [said + list('A'), list('A').replace('\r\r\nEnter', `${said}Enter`)]) {
    const [found, ...others] = readFailures(text)
    t.deepEqual(others, [])
    t.is(found!.label, 'Bad: not a kernel')
    const lines = found!.message.split('\n')
    t.is(lines[0], cause)
    t.is(lines[1], 'Failed to load Bad: not a kernel: could not load image LinuxImage(')
    t.is(lines.at(-1), ')')
  }
})

test('a refusal that has not come whole is none yet', (t) => {
  const said = failure('Bad', 'exec format error')
  for (let length = 0; length < said.length - 2; length++)
    t.deepEqual(readFailures(said.slice(0, length)), [], JSON.stringify(said.slice(length - 9, length)))
})

test('what is no error is no refusal', (t) => {
  const noise = [
    'Failed to load universalpayload (failed to read fdt file: fdt file: /k, err: reading FDT header: invalid FDT magic, got 0x4d5a0000, expected 0xd00dfeed), try legacy kernel..',
    'Could not configure eth0 for IPv6: no DHCPv6 lease',
    'Parsing boot files as iPXE failed, trying other formats...: config file is not ipxe as it does not start with #!ipxe',
    'failed to parse boot file as simple file: exhausted all supported simple file types',
    'Cannot open TPM: TPM device not available',
  ].map((line) => `${stamp} ${line}\r\n`)
  t.deepEqual(readFailures(noise.join('')), [])
  t.deepEqual(
    readFailures(`${noise.join('')}${stamp} Netboot failed: context deadline exceeded\r\n`).map(
      (one) => one.message,
    ),
    ['Netboot failed: context deadline exceeded'],
  )
  t.is(withoutNoise(`${stamp} ${noise[0]!.slice(20, -2)}\nopen /x: no such file`), 'open /x: no such file')
})

test('what it attempts by itself is read by name', (t) => {
  const said = (name: string) => `Attempting to boot LinuxImage(\r\n  Name: ${name}\r\n  Kernel: k\r\n`
  t.deepEqual(readAttempts(`${said('Main Linux A')}${said('Main Linux B (verbose)')}`), [
    'Main Linux A',
    'Main Linux B (verbose)',
  ])
})

test('command lines of the editor are unquoted', (t) => {
  const said =
    'The current quoted cmdline for option 2 is:\r\r\n > "a=\\"b c\\" d\\\\e"\r\r\n * Note\r\n > a\r\n'
  t.deepEqual(readCommandLines(said), ['a="b c" d\\e'])
})

test('the entries of localboot are read without what GRUB has around them', (t) => {
  const said = `${stamp}   0: 'Main Linux A' {\r\n${stamp}   1: Unsigned {\r\n${stamp}   2: 'it'"'"'s' {\r\n`
  const again = said.replace('Unsigned', 'Signed')
  t.deepEqual(
    readLocalEntries(said + again).map(({ number, label }) => `${number} ${label}`),
    ['0 Main Linux A', '1 Signed', "2 it's"],
  )
})
