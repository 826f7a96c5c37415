import test from 'ava'
import { type OpenCast, type OpenCastOptions, openCast } from '../console/cast/cast-fixture.ts'
import { CastMismatch } from '../console/cast/player.ts'
import { ConsoleClosed, ConsoleTimeout } from '../console/console.ts'
import { ScreenTimeout } from '../console/screen.ts'
import { BoardError, LabError } from '../errors.ts'
import type { Choice, Refusal, Ui } from './menu-loader.ts'
import { petitboot } from './petitboot.ts'

// Recordings of petitboot v1.15-14-g96063aa with Debian's 6.1 cloud kernel in QEMU, on which this loader typed.

const labels = [
  'Bad: larger than memory',
  'Bad: wrong architecture',
  'Bad: truncated kernel',
  'Bad: missing initrd',
  'Bad: missing file',
  'Bad: not a kernel',
  'Main Linux B (verbose)',
  'Main Linux A',
]

type Session = AsyncDisposable & OpenCast & { ui: Ui }

async function open(what: string, options: OpenCastOptions = {}): Promise<Session> {
  const played = await openCast(new URL(`recordings/petitboot-${what}.cast`, import.meta.url), {
    speed: 0,
    // The menu is drawn as often as its drawings need to agree.
    redrawOn: '\f',
    ...options,
  })
  const { console, screen } = played
  const ui = { console, screen, timeoutMs: 30_000, signal: new AbortController().signal }
  return { ...played, ui, [Symbol.asyncDispose]: () => played[Symbol.asyncDispose]() }
}

/** Boots a choice until the new kernel says its command line, or petitboot refuses. */
async function boot({ ui, console }: Pick<Session, 'ui' | 'console'>, choice: Choice) {
  const over = new AbortController()
  const from = console.position
  const seen = { chosen: 0, said: [] as string[] }
  const watch = {
    chosen: () => void seen.chosen++,
    executing: (_: bigint, said: string) => void seen.said.push(said),
  }
  const booted = console.expect(/\ncmdline ([^\r\n]*)\r*\n/, {
    timeoutMs: 60_000,
    from,
    what: 'command line',
  })
  const refused = petitboot.boot({ ...ui, signal: over.signal }, choice, watch)
  try {
    const first = await Promise.race([booted.catch(() => refused), refused])
    return 'groups' in first ? { booted: first.groups[0]!, ...seen } : { refusal: first, ...seen }
  } finally {
    over.abort(new Error('over'))
    await Promise.allSettled([refused])
    booted.catch(() => {})
  }
}

const atMenu = ({ ui }: Session) => petitboot.arrive(ui, { from: 0, holdCountdown: true })

test('the countdown is stopped, and an entry booted by its label', async (t) => {
  await using session = await open('select')
  const menu = await atMenu(session)
  t.deepEqual(
    menu.entries,
    labels.map((label) => ({ label, isDefault: label === 'Main Linux A' })),
  )
  t.like(menu, { selected: null, countdownS: null, status: 'Default boot cancelled' })
  t.deepEqual(await boot(session, { by: 'label', label: 'Main Linux B (verbose)' }), {
    booted: 'console=ttyS0 loglevel=7 target=B',
    chosen: 1,
    said: ['Performing kexec reboot: shutdown -r now, "The system is going down NOW!"'],
  })
})

test('the default when nobody presses a key, after its countdown', async (t) => {
  await using session = await open('autoboot', { speed: 20 })
  const menu = await petitboot.arrive(session.ui, { from: 0, holdCountdown: false })
  t.is(menu.entries.length, labels.length)
  t.true(menu.countdownS! > 0 && menu.countdownS! < 10)
  t.like(await boot(session, { by: 'time-out' }), { booted: 'console=ttyS0 target=A', chosen: 1 })
})

test('refusals, each whole, whatever the screen cut; shell, rescan and what is not there', async (t) => {
  await using session = await open('refusals')
  const { ui } = session
  await atMenu(session)
  const disk = '/var/petitboot/mnt/dev/vda/boot'
  for (const [label, message] of [
    ['Bad: not a kernel', `kexec load failed: Cannot determine the file type of ${disk}/garbage`],
    [
      'Bad: missing file',
      `Error loading kernel image\nError starting load for kernel image at file://${disk}/no-such-kernel`,
    ],
    [
      'Bad: missing initrd',
      `Error loading initrd\nError starting load for initrd at file://${disk}/no-such-initrd`,
    ],
    ['Bad: larger than memory', 'kexec load failed: Cannot malloc 1572864000 bytes: Cannot allocate memory'],
    ['Bad: wrong architecture', `kexec load failed: Cannot determine the file type of ${disk}/vmlinuz-arm64`],
  ] as const)
    t.deepEqual(await boot(session, { by: 'label', label }), {
      refusal: { message, usable: true },
      chosen: 1,
      said: [],
    })

  const shell = await petitboot.shell!.enter(ui)
  t.is((await shell.run('cat /sys/kernel/kexec_loaded', { timeoutMs: 30_000 })).output, '0')
  t.is((await petitboot.shell!.leave(ui)).selected, 'Bad: wrong architecture')

  const menu = await petitboot.rescan!(ui)
  // What was cancelled is no default any more.
  t.deepEqual(
    menu.entries,
    labels.map((label) => ({ label, isDefault: false })),
  )
  const watch = { chosen: () => t.fail(), executing: () => t.fail() }
  await t.throwsAsync(petitboot.boot(ui, { by: 'label', label: 'No such entry' }, watch), {
    instanceOf: BoardError,
    message: /^petitboot's menu has no line "No such entry"; it boots "Bad: larger than memory", /,
  })
})

test('where no way of rebooting works, the refusal tells which were tried', async (t) => {
  await using session = await open('reboot-none')
  await atMenu(session)
  t.like(await boot(session, { by: 'label', label: 'Main Linux A' }), {
    refusal: {
      message: 'kexec reboot failed\ntried: shutdown -r now; kexec -e; kexec -e -f',
      usable: true,
    },
  })
})

test('words added to an entry in its editor, longer than its field', async (t) => {
  await using session = await open('edit')
  await atMenu(session)
  const edit = 'extra=edited harness.note=one-more-rather-long-word-that-wraps-the-field'
  t.like(await boot(session, { by: 'label', label: 'Main Linux A', edit }), {
    booted: `console=ttyS0 target=A ${edit}`,
    chosen: 1,
  })
})

test('a list that is longer than the screen is read whole, and any of it booted', async (t) => {
  await using session = await open('long-list')
  const { entries } = await atMenu(session)
  // The reverse of grub.cfg's order.
  t.deepEqual(
    entries.map(({ label }) => label),
    Array.from({ length: 24 }, (_, index) => `Entry ${String(24 - index).padStart(2, '0')}`),
  )
  t.like(await boot(session, { by: 'label', label: 'Entry 03' }), { booted: 'console=ttyS0 target=03' })
})

test('a label that is wider than the screen, of which the menu shows the beginning', async (t) => {
  const label = `A label that is longer than the screen of a serial console is wide, and goes on and on for ever`
  await using session = await open('long-label')
  const { entries } = await atMenu(session)
  t.deepEqual(entries, [
    { label: petitboot.shownLabel!(label), isDefault: false },
    { label: 'Main Linux A', isDefault: true },
  ])
  t.is(entries[0]!.label.length, 75)
})

test('a kernel that is locked down: what both ways of loading said', async (t) => {
  await using session = await open('lockdown')
  await atMenu(session)
  const { refusal } = (await boot(session, { by: 'label', label: 'Main Linux A' })) as { refusal: Refusal }
  t.deepEqual(refusal, {
    message:
      'kexec load failed: kexec_file_load failed: Operation not permitted\nkexec load (-l) failed (rc 255): kexec_load failed: Operation not permitted',
    usable: true,
  })
})

test('without a shutdown program it executes with kexec -e', async (t) => {
  await using session = await open('reboot-kexec')
  await atMenu(session)
  t.like(await boot(session, { by: 'label', label: 'Main Linux A' }), {
    booted: 'console=ttyS0 target=A',
    said: ['Performing kexec reboot: kexec -e'],
  })
})

test('aarch64: a refusal, then an entry', async (t) => {
  await using session = await open('arm64')
  await atMenu(session)
  for (const file of ['garbage', 'vmlinuz-x86'] as const) {
    const label = file === 'garbage' ? 'Bad: not a kernel' : 'Bad: wrong architecture'
    t.like(await boot(session, { by: 'label', label }), {
      refusal: {
        message: `kexec load failed: Cannot determine the file type of /var/petitboot/mnt/dev/vda/boot/${file}`,
        usable: true,
      },
    })
  }
  t.like(await boot(session, { by: 'label', label: 'Main Linux B (verbose)' }), {
    booted: 'console=ttyAMA0 loglevel=7 target=B',
  })
})

test('over a line that loses bytes no other entry is booted: the right one, or the error says what is wrong', async (t) => {
  for (let seed = 1; seed <= 4; seed++) {
    const output = { lost: 0.01, delayed: 0.05, delayMs: 200 }
    await using session = await open('select', { input: 'lenient', faults: { seed, output } })
    const { screen } = session
    const press = screen.press.bind(screen)
    const selected: string[] = []
    screen.press = async (...keys) => {
      // What a person would have seen selected when Enter was pressed.
      if (keys.includes('Enter')) selected.push(selectedOn(screen.text))
      await press(...keys)
    }
    const ui = { ...session.ui, timeoutMs: 5_000 }
    try {
      await petitboot.arrive(ui, { from: 0, holdCountdown: true })
      await boot(
        { ...session, ui: { ...ui, timeoutMs: 100 } },
        { by: 'label', label: 'Main Linux B (verbose)' },
      )
    } catch (error) {
      const told = [LabError, BoardError, ScreenTimeout, ConsoleTimeout, ConsoleClosed, CastMismatch]
      t.true(
        told.some((kind) => error instanceof kind),
        `seed ${seed}: ${error}`,
      )
    }
    t.true(
      selected.every((label) => label === 'Main Linux B (verbose)'),
      `seed ${seed}: ${selected.join(' ')}`,
    )
  }
})

function selectedOn(text: string): string {
  return /^ \* +(.*?) *$/m.exec(text)?.[1] ?? '(nothing)'
}
