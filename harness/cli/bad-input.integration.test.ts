/** What a user types or writes wrongly is told in one screen, with the exit status that it deserves, and nothing is made. */
import { chmodSync, existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs'
import test from 'ava'
import { resolveImage } from '../../images/image.ts'
import { isClear, Workspace } from './command-fixture.ts'

const board = ['test', '--board', 'qemu-x86_64']

const mistakes: [title: string, args: string[], ...words: (string | RegExp)[]][] = [
  ['an unknown command', ['tset'], "unknown command 'tset'", 'Did you mean test?', 'hint: '],
  [
    'an unknown option',
    ['test', '--bord', 'x'],
    "unknown option '--bord'",
    'Did you mean --board?',
    'hint: ',
  ],
  ['an option without its value', ['start', '--board'], 'argument missing', 'hint: '],
  ['a word too many', [...board, 'x'], 'too many arguments', 'hint: '],
  [
    'an unknown board',
    ['test', '--board', 'qemu-x86_46'],
    'unknown board "qemu-x86_46"; did you mean "qemu-x86_64"?',
    /hint: Boards in .*qemu-aarch64/,
  ],
  ['an empty board', ['test', '--board', ''], '--board is empty', 'hint: '],
  ['an unknown suite', [...board, '--suite', 'smoek'], 'did you mean "smoke"?', 'hint: Suites: smoke'],
  ['an unknown loader', [...board, '--loader', 'kexec-tool'], 'did you mean "kexec-tools"?', 'hint: '],
  ['no iterations', [...board, '--iterations', '0'], 'a whole number from 1', '"0"'],
  ['iterations in words', [...board, '--iterations', 'many'], 'a whole number from 1', '"many"'],
  ['a timeout that is none', [...board, '--timeout', 'soon'], '--timeout wants a duration', '"soon"'],
  ['an empty results folder', [...board, '--results', ''], '--results is empty', 'hint: '],
  ['two lines to append', [...board, '--append', 'quiet\npanic=1'], '--append wants one line'],
  [
    'a kernel that is not there',
    [...board, '--kernel', '/none/vmlinuz'],
    '/none/vmlinuz: no such file',
    'hint: ',
  ],
  ['a kernel that is a folder', [...board, '--kernel', '/tmp'], '--kernel /tmp: is a folder', 'hint: '],
  ['a disk that is a folder', [...board, '--disk', '/tmp'], '--disk /tmp: is a folder', 'hint: '],
  ['a kernel that is a device', [...board, '--kernel', '/dev/zero'], 'is no regular file', 'hint: '],
  ['a run that is not there', ['report', 'nonsense'], 'no run at nonsense', 'hint: '],
  ['a run that is none', ['report', '/'], "/ is no run's folder: it has no journal.jsonl", 'hint: '],
  ['a report of nothing', ['report'], "missing required argument 'run'", 'hint: '],
  [
    'an unknown fault',
    [...board, '--fault', 'edu-d3colt'],
    'there is no fault "edu-d3colt"',
    'did you mean "edu-d3cold"?',
    'hint: ',
  ],
  ['an empty fault', [...board, '--fault', ''], '--fault is empty', 'hint: '],
  [
    'a fault for a kernel on a disk',
    [...board, '--fault', 'edu-good', '--disk', import.meta.filename],
    '--fault edu-good needs a kernel that the harness knows',
    'hint: ',
  ],
  [
    'a kernel that is no file and no image',
    [...board, '--kernel', 'bookworm-amd46'],
    'no such file or image; did you mean "bookworm-amd64"?',
    'hint: Looked for',
  ],
  [
    'signatures that are not there',
    [...board, '--signatures', '/none.yaml'],
    '--signatures /none.yaml: no such file',
  ],
  ['an unknown matrix', ['matrix', 'shutdwon'], 'there is no matrix "shutdwon"', 'hint: '],
  ['an unknown recipe', ['images', 'bookworm'], 'no image recipe "bookworm"', 'hint: '],
]

for (const [title, args, ...words] of mistakes)
  test.serial(`${title} is told, with exit status 2`, async (t) => {
    await using place = new Workspace()
    const { status, stdout, stderr } = await place.run(args)
    t.is(status, 2)
    t.is(stdout, '')
    isClear(t, stderr, ...words)
    t.false(existsSync(place.results))
  })

const signature = (pattern: string) => `signatures:
  - id: mine
    pattern: ${JSON.stringify(pattern)}
    phases: any
    severity: error
    meaning: it broke
    advice: mend it
    source: here
    example: broken
`

const signatureFiles: [title: string, text: string, ...words: (string | RegExp)[]][] = [
  ['with a broken pattern', signature('broken('), /s\.yaml:3:\d+: .*not a regular expression/],
  [
    'with a pattern that backtracks catastrophically',
    signature('broken(a+)+b$'),
    /s\.yaml:3:\d+: .*backtracks catastrophically/,
  ],
  [
    'that repeats an id of ours',
    signature('broken').replace('mine', 'dmar-fault'),
    'dmar-fault is used also',
  ],
  ['that are none', 'signatures: 3', /s\.yaml:1:\d+/],
]

for (const [title, text, ...words] of signatureFiles)
  test.serial(`signatures ${title} are told, with exit status 2`, async (t) => {
    await using place = new Workspace()
    const { status, stderr } = await place.run([...board, '--signatures', place.write('s.yaml', text)])
    t.is(status, 2)
    isClear(t, stderr, ...words)
    t.false(existsSync(place.results))
  })

const descriptors: [title: string, (place: Workspace) => string, ...words: (string | RegExp)[]][] = [
  ['that is not there', (place) => place.path('none.yaml'), 'none.yaml: no such file', 'hint: '],
  ['that is a folder', (place) => `${place.folder}/`, 'is a folder'],
  ['that is no YAML', (place) => place.write('b.yaml', 'name: b\narch: "x86'), /b\.yaml:2:\d+: /],
  [
    'with an unknown key',
    (place) => place.board('b', { lodaer: {} }),
    /b\.yaml:\d+:\d+/,
    '"lodaer"',
    '"loader"',
  ],
  ['with a wrong type', (place) => place.board('b', { machine: { cpus: 'two' } }), /b\.yaml:\d+:\d+/, 'cpus'],
  [
    'whose image is no recipe',
    (place) => place.board('b', { image: 'none' }),
    'no image recipe "none"',
    'hint: ',
  ],
]

for (const [title, write, ...words] of descriptors)
  test.serial(`a descriptor ${title} is told, with exit status 2`, async (t) => {
    await using place = new Workspace()
    const { status, stdout, stderr } = await place.run(['test', '--board', write(place)])
    t.is(status, 2)
    t.is(stdout, '')
    isClear(t, stderr, ...words)
    t.false(existsSync(place.results))
  })

test.serial('a kernel or initramfs that no board can boot is told, with exit status 2', async (t) => {
  await using place = new Workspace()
  const arm = await resolveImage('bookworm-cloud-arm64', {})
  const x86 = await resolveImage('bookworm-cloud-amd64', {})
  const initramfs = place.write('cut.img', readFileSync(x86.initramfs))
  truncateSync(initramfs, 1_000_000)
  const files: [flag: string, file: string, ...words: (string | RegExp)[]][] = [
    ['--kernel', place.write('empty', ''), 'is empty, expected a kernel'],
    ['--kernel', place.write('text', 'hello, kernel\n'), 'is no kernel, it is text', 'hint: '],
    ['--kernel', arm.kernel, /arm64.*x86_64|x86_64.*arm64/, 'hint: '],
    ['--initramfs', initramfs, 'is cut off at byte 1000000', 'hint: '],
    ['--initramfs', arm.initramfs, /arm64.*x86_64|x86_64.*arm64/, 'hint: '],
  ]
  for (const [flag, file, ...words] of files) {
    const { status, stdout, stderr } = await place.run([...board, flag, file])
    t.is(status, 2, file)
    t.is(stdout, '')
    isClear(t, stderr, file, ...words)
  }
  t.false(existsSync(place.results))
})

test.serial('no QEMU and no apt is told, with exit status 3, and 125 for git bisect', async (t) => {
  await using place = new Workspace()
  const env = { PATH: place.folder, KEXEC_HARNESS_CACHE: place.path('cache') }
  // Programs of /usr/sbin are found without PATH, so that a QEMU unpacked there would be too.
  const { status, stdout, stderr } = await place.run(board, { env })
  t.is(status, 3)
  t.is(stdout, '')
  isClear(
    t,
    stderr,
    "qemu-system-x86_64 is not on this machine and can't be fetched",
    'hint: install it by hand',
    'qemu-system-x86',
  )
  t.false(existsSync(place.results))
  t.is((await place.run([...board, '--bisect'], { env })).status, 125)
})

test.serial('a results folder that cannot be one is told, and the disk is left as it was', async (t) => {
  await using place = new Workspace()
  const file = place.write('file', 'mine')
  for (const results of [file, `${file}/below`, place.path('x'.repeat(300))]) {
    const { status, stdout, stderr } = await place.run([...board, '--results', results])
    t.is(status, 2, results)
    t.is(stdout, '')
    isClear(t, stderr, '--results', 'hint: ')
  }
  // /proc takes no folders, from root either, and says so in a way that makes Node's own mkdir spin.
  const { status, stderr } = await place.run([...board, '--results', '/proc/results'])
  t.is(status, 3)
  isClear(t, stderr, 'cannot make a folder for the run in /proc/results', 'hint: ')
  t.is(readFileSync(file, 'utf8'), 'mine')
})

const isRoot = process.geteuid?.() === 0
const testAsUser = isRoot ? test.serial.skip : test.serial
testAsUser('a results folder that may not be written is told (root may write everywhere)', async (t) => {
  await using place = new Workspace()
  mkdirSync(place.results)
  chmodSync(place.results, 0o500)
  const { status, stderr } = await place.run(board)
  t.is(status, 3)
  isClear(t, stderr, place.results, 'it may not be written to by this user', 'hint: ')
})
