import test, { type ExecutionContext } from 'ava'
import { type OpenCast, type OpenCastOptions, openCast } from '../console/cast/cast-fixture.ts'
import { CastMismatch } from '../console/cast/player.ts'
import { ConsoleClosed, ConsoleTimeout } from '../console/console.ts'
import { ScreenTimeout } from '../console/screen.ts'
import { BoardError, LabError, UsageError } from '../errors.ts'
import type { LoadMethod } from './loader.ts'
import type { Choice, MenuLoader, Refusal, Ui } from './menu-loader.ts'
import { type URootCommand, uRoot } from './u-root.ts'
import { uRootKexec } from './u-root-kexec.ts'

// Recordings of u-root v0.16.0-171-g9b0bdb832 with Debian's 6.1 cloud kernel in QEMU, on which this loader typed.

const labels = [
  'Main Linux A',
  'Main Linux B (verbose)',
  'Bad: not a kernel',
  'Bad: missing file',
  'Bad: truncated kernel',
  'Bad: kernel without its end',
  'Bad: wrong architecture',
  'Bad: larger than memory',
  'Bad: missing initrd',
]

type Session = AsyncDisposable & OpenCast & { loader: MenuLoader; ui: Ui }

async function open(
  what: string,
  options: OpenCastOptions = {},
  command: URootCommand = 'boot',
): Promise<Session> {
  const played = await openCast(new URL(`recordings/u-root-${what}.cast`, import.meta.url), {
    speed: 0,
    ...options,
  })
  const { console, screen } = played
  const ui = { console, screen, timeoutMs: 30_000, signal: new AbortController().signal }
  return {
    ...played,
    loader: uRoot({ command }),
    ui,
    [Symbol.asyncDispose]: () => played[Symbol.asyncDispose](),
  }
}

/** Boots a choice until the new kernel says its command line, or the loader refuses. */
async function boot(
  { loader, ui, console }: Session,
  choice: Choice,
): Promise<Refusal | { booted: string; chosen: number }> {
  const over = new AbortController()
  const from = console.position
  let chosen = 0
  const watch = { chosen: () => void chosen++, executing: () => {} }
  const booted = console.expect(/\ncmdline: ([^\r\n]*)\r*\n/, {
    timeoutMs: 60_000,
    signal: over.signal,
    from,
    what: 'command line',
  })
  const refused = loader.boot({ ...ui, signal: over.signal }, choice, watch)
  const first = await Promise.race([booted.catch(() => refused), refused])
  over.abort(new Error('over'))
  await Promise.allSettled([booted, refused])
  return 'groups' in first ? { booted: first.groups[0]!, chosen } : first
}

const atMenu = ({ loader, ui }: Session) => loader.arrive(ui, { from: 0, holdCountdown: true })
const backAtMenu = ({ loader, ui, console }: Session) =>
  loader.arrive(ui, { from: console.position, holdCountdown: true })

test('from the shell to the menu, whose list is longer than the screen, and an entry by its label', async (t) => {
  await using session = await open('select')
  const menu = await atMenu(session)
  t.deepEqual(
    menu.entries.map(({ label }) => label),
    labels,
  )
  t.deepEqual(
    menu.entries.filter(({ isDefault }) => isDefault).map(({ label }) => label),
    ['Main Linux A'],
  )
  t.like(menu, { selected: 'Main Linux A', countdownS: null, status: null })
  t.deepEqual(await boot(session, { by: 'label', label: 'Main Linux B (verbose)' }), {
    booted: 'target=B console=ttyS0',
    chosen: 1,
  })
})

test('the default when nobody presses a key', async (t) => {
  // At this speed its ten seconds are two and a half.
  await using session = await open('timeout', { speed: 4 })
  const menu = await session.loader.arrive(session.ui, { from: 0, holdCountdown: false })
  t.is(menu.entries.length, labels.length)
  t.deepEqual(await boot(session, { by: 'time-out' }), { booted: 'target=A quiet console=ttyS0', chosen: 1 })
})

test('where the default can not be loaded it goes on to the next entry, which is no boot of the default', async (t) => {
  await using session = await open('timeout-next', { speed: 4 })
  await session.loader.arrive(session.ui, { from: 0, holdCountdown: false })
  const refusal = (await boot(session, { by: 'time-out' })) as Refusal
  t.regex(refusal.message, /^SYS_kexec_file_load\(.* = exec format error\nFailed to load Bad: not a kernel: /)
  t.true(refusal.message.endsWith('\nAttempting to boot LinuxImage(\n  Name: Main Linux B'))
  t.false(refusal.usable)
})

test('where nothing can be loaded its menu is started again', async (t) => {
  await using session = await open('timeout-none', { speed: 4 })
  await session.loader.arrive(session.ui, { from: 0, holdCountdown: false })
  const refusal = (await boot(session, { by: 'time-out' })) as Refusal
  t.regex(refusal.message, /^SYS_kexec_file_load\(.* = exec format error\n/)
  t.is((await backAtMenu(session)).entries.length, 2)
})

test('arm64: a kernel without kexec_file_load is no kernel for the menu, and one for kexec -L', async (t) => {
  await using session = await open('arm64')
  await atMenu(session)
  await t.throwsAsync(boot(session, { by: 'label', label: 'Main Linux A' }), {
    instanceOf: UsageError,
    message: /^the kernel of this u-root has no kexec_file_load/,
  })
  await backAtMenu(session)
  const shell = await session.loader.shell!.enter(session.ui)
  const options = { timeoutMs: 30_000 }
  await shell.run('mkdir -p /m && mount -r -t ext4 /dev/vda /m', options)
  const load = (kernel: string, syscall: LoadMethod['syscall']) =>
    uRootKexec.load(
      shell,
      {
        kernel: `/m/boot/${kernel}`,
        initramfs: '/m/boot/initrd.img',
        append: 'console=ttyAMA0 quiet target=S',
      },
      { syscall, checks: true, ifdown: true },
      options,
    )
  t.like(await load('vmlinuz', 'kexec_file_load'), { status: 1, loaded: false, unsupported: true })
  const wrong = await load('bzImage-x86', 'kexec_load')
  t.like(wrong, { status: 1, unsupported: false })
  t.regex(wrong.output, / parse arm64 Image from bytes: bad header magic$/)
  t.is((await load('garbage', 'kexec_load')).status, 1)
  t.like(await load('vmlinuz', 'kexec_load'), { status: 0, loaded: true, output: '' })
})

test('an entry with words added to its command line', async (t) => {
  await using session = await open('edit')
  await atMenu(session)
  const edit = 'kexec_harness.edited=1 another.rather.long.word.to.see.it.wrap=2'
  t.deepEqual(await boot(session, { by: 'label', label: 'Main Linux A', edit }), {
    booted: `target=A quiet console=ttyS0 ${edit}`,
    chosen: 1,
  })
})

test('entries that are refused, each with its cause, and the menu is usable afterwards', async (t) => {
  await using session = await open('refusals')
  await atMenu(session)
  for (const [label, cause] of [
    ['Bad: not a kernel', /^SYS_kexec_file_load\(10, 0, .*\) = exec format error\n/],
    ['Bad: missing file', /^encountered error open \S+\/boot\/nosuch: no such file or directory/],
    ['Bad: wrong architecture', /^SYS_kexec_file_load\(.*\) = exec format error\n/],
    ['Bad: missing initrd', /^encountered error open \S+\/boot\/nosuch.img: no such file or directory/],
  ] as const) {
    const refusal = (await boot(session, { by: 'label', label })) as Refusal
    t.regex(refusal.message, cause)
    t.true(refusal.message.includes(`\nFailed to load ${label}: could not load image LinuxImage(\n`))
    t.true(refusal.usable)
    const menu = await backAtMenu(session)
    t.is(menu.status, refusal.message)
    t.is(menu.entries.length, labels.length)
  }
  t.like(await boot(session, { by: 'label', label: 'Main Linux A' }), {
    booted: 'target=A quiet console=ttyS0',
  })
})

test('after a kernel that is too large nothing can be loaded, and that is told', async (t) => {
  await using session = await open('huge')
  await atMenu(session)
  const refusal = (await boot(session, { by: 'label', label: 'Bad: larger than memory' })) as Refusal
  t.regex(refusal.message, /^write \/tmp\/kexec-image\d+: no space left on device\n/)
  t.false(refusal.usable)
  await t.throwsAsync(backAtMenu(session), { instanceOf: BoardError, message: /\/tmp is full/ })
})

test('into its shell and back to the menu', async (t) => {
  await using session = await open('shell')
  await atMenu(session)
  const shell = await session.loader.shell!.enter(session.ui)
  t.regex((await shell.run('cat /proc/version', { timeoutMs: 30_000 })).output, /^Linux version 6\.1/)
  const long =
    'echo a long line that is longer than eighty columns of a serial terminal so that it wraps; echo $((40+2))'
  t.regex((await shell.run(long, { timeoutMs: 30_000 })).output, /so that it wraps\n42$/)
  const menu = await session.loader.shell!.leave(session.ui)
  t.is(menu.entries.length, labels.length)
  t.like(await boot(session, { by: 'label', label: 'Main Linux A' }), {
    booted: 'target=A quiet console=ttyS0',
  })
})

test('pxeboot: entries from TFTP, one refused, one edited', async (t) => {
  await using session = await open('pxeboot', {}, 'pxeboot')
  const menu = await atMenu(session)
  t.deepEqual(
    menu.entries.map(({ label }) => label),
    ['Main Linux A', 'Main Linux B', 'Bad: not a kernel', 'Bad: missing file'],
  )
  const refusal = (await boot(session, { by: 'label', label: 'Bad: missing file' })) as Refusal
  t.regex(
    refusal.message,
    /^encountered error RRQ OACK response: .*FILE_NOT_FOUND.* with "tftp:\/\/10\.0\.2\.2\/nosuch"\n/,
  )
  await backAtMenu(session)
  t.like(await boot(session, { by: 'label', label: 'Main Linux A', edit: 'quiet' }), {
    booted: 'console=ttyS0 target=PA  quiet',
  })
})

test('localboot: by number, a missing kernel, its shell', async (t) => {
  await using session = await open('localboot', {}, 'localboot')
  t.deepEqual(
    (await atMenu(session)).entries.map(({ label }) => label),
    labels,
  )
  const refusal = (await boot(session, { by: 'label', label: 'Bad: missing file' })) as Refusal
  t.regex(refusal.message, /^Failed to boot kernel \/mnt\/vda\/boot\/nosuch: can't open kernel file/)
  t.true(refusal.usable)
  await backAtMenu(session)
  const shell = await session.loader.shell!.enter(session.ui)
  t.is((await shell.run('echo $TERM; cat /sys/kernel/kexec_loaded', { timeoutMs: 30_000 })).output, 'dumb\n0')
  await session.loader.shell!.leave(session.ui)
  t.like(await boot(session, { by: 'label', label: 'Main Linux A' }), {
    booted: 'console=ttyS0 target=A quiet',
  })
})

test('localboot: the first entry when none is named', async (t) => {
  await using session = await open('localboot-timeout', {}, 'localboot')
  await atMenu(session)
  t.like(await boot(session, { by: 'time-out' }), { booted: 'console=ttyS0 target=A quiet' })
})

test('over a line that loses bytes the right entry is chosen, or the error says what the screen shows', async (t) => {
  await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => chooseOverBadLine(t, seed)))
})

async function chooseOverBadLine(t: ExecutionContext, seed: number): Promise<void> {
  const output = { lost: 0.01, delayed: 0.05, delayMs: 200 }
  await using session = await open('select', { input: 'lenient', faults: { seed, output } })
  const typed: string[] = []
  const { screen } = session
  const press = screen.press.bind(screen)
  screen.press = async (...keys) => {
    typed.push(...keys.map((key) => (typeof key === 'string' ? key : key.text)))
    await press(...keys)
  }
  const ui = { ...session.ui, timeoutMs: 1_500 }
  try {
    await session.loader.arrive({ ...ui, timeoutMs: 8_000 }, { from: 0, holdCountdown: true })
    await boot({ ...session, ui }, { by: 'label', label: 'Main Linux B (verbose)' })
  } catch (error) {
    // The recording draws nothing again, and is over at some time.
    const told = [LabError, BoardError, ScreenTimeout, ConsoleTimeout, ConsoleClosed, CastMismatch]
    t.true(
      told.some((kind) => error instanceof kind),
      `seed ${seed}: ${error}`,
    )
  }
  const numbers = typed.filter((text, index) => /^\d+$/.test(text) && typed[index + 1] === 'Enter')
  // The second entry, or the way into the shell, to have the list printed again.
  t.true(
    numbers.every((number) => number === '2' || number === '11'),
    `seed ${seed}: ${typed.join(' ')}`,
  )
  t.log(`seed ${seed}: ${typed.map((key) => JSON.stringify(key)).join(' ')}`)
}
