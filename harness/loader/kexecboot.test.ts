import test from 'ava'
import { openCast } from '../console/cast/cast-fixture.ts'
import { withFaults } from '../console/cast/faults.ts'
import { Console, ConsoleTimeout } from '../console/console.ts'
import { Screen, ScreenTimeout } from '../console/screen.ts'
import { BoardError, LabError } from '../errors.ts'
import { kexecboot } from './kexecboot.ts'
import { isInit, loggedMenu, refusalOf } from './kexecboot-menu.ts'
import { simulatedKexecboot } from './kexecboot-simulated-fixture.ts'
import type { BootWatch, Choice, Ui } from './menu-loader.ts'

const recordings = new URL('recordings/', import.meta.url)
const loader = kexecboot({ timeout: 15 })
const labels = [
  'Main Linux A',
  'Main Linux B',
  ...['garbage', 'missing-kernel', 'corrupt-kernel', 'wrong-arch', 'unsigned', 'too-large'].map(
    (fault) => `Bad: ${fault}`,
  ),
]
const never = new AbortController().signal
const nothing: BootWatch = { chosen: () => {}, executing: () => {} }

type Opened = { console: Console; screen: Screen }

/** The recordings have the keys of the machine's keyboard as input: `<down>`. */
function uiOf(
  { console, screen }: Opened,
  signal: AbortSignal,
): Ui & { sendKey: NonNullable<Ui['sendKey']> } {
  return { console, screen, sendKey: (name) => console.write(`<${name}>`), timeoutMs: 60_000, signal }
}

/** Boots until the new kernel's command line comes; gives it back, or the refusal. */
async function boot(
  opened: Opened,
  choice: Choice,
  watch: BootWatch = { chosen: () => {}, executing: () => {} },
) {
  const arrived = new AbortController()
  const commandLine = opened.console
    .expect(/Command line: (.*)\r\n/, { timeoutMs: 60_000, signal: arrived.signal, what: 'new kernel' })
    .then(({ groups }) => {
      arrived.abort()
      return groups[0]!
    })
  const refused = loader.boot(uiOf(opened, arrived.signal), choice, watch)
  try {
    return await Promise.any([commandLine, refused])
  } finally {
    arrived.abort()
    await Promise.allSettled([commandLine, refused])
  }
}

test('entries are read from the screen, the time-out is held, and the cursor is moved to one', async (t) => {
  await using played = await openCast(new URL('kexecboot-select.cast', recordings), { speed: 0 })
  const menu = await loader.arrive(uiOf(played, never), { from: 0, holdCountdown: true })
  t.deepEqual(
    menu.entries,
    labels.map((label, index) => ({ label, isDefault: index === 0 })),
  )
  t.is(menu.selected, null)
  let chosen = 0
  const watch = { chosen: () => chosen++, executing: () => t.fail('it says nothing of that') }
  t.is(await boot(played, { by: 'label', label: 'Main Linux B' }, watch), 'console=ttyS0 target=b')
  t.is(chosen, 1)
})

test("what it can't load is told in the words of its kexec, and its next menu is used", async (t) => {
  await using played = await openCast(new URL('kexecboot-refusals.cast', recordings), { speed: 0 })
  const ui = uiOf(played, never)
  await loader.arrive(ui, { from: 0, holdCountdown: true })
  const words = {
    garbage: 'Cannot determine the file type of /mnt/boot/garbage',
    'corrupt-kernel': 'BzImage truncated?\nCannot load /mnt/boot/corrupt-kernel',
  }
  for (const [fault, reason] of Object.entries(words)) {
    const refusal = await boot(played, { by: 'label', label: `Bad: ${fault}` })
    t.deepEqual(refusal, { message: `${reason}\nNothing has been loaded!`, usable: true })
    const menu = await loader.arrive(ui, { from: played.console.position, holdCountdown: true })
    t.is(menu.entries.length, labels.length)
  }
  const again = await loader.rescan!(ui)
  t.deepEqual(
    again.entries.map(({ label }) => label),
    labels,
  )
  t.is(await boot(played, { by: 'label', label: 'Main Linux A' }), 'console=ttyS0 target=a')
})

test('without a keyboard, its time-out boots the first entry', async (t) => {
  t.timeout(120_000)
  await using played = await openCast(new URL('kexecboot-time-out.cast', recordings), { speed: 6 })
  const { sendKey: _, ...ui } = uiOf(played, never)
  const menu = await loader.arrive(ui, { from: 0, holdCountdown: false })
  t.is(menu.entries[0]!.label, 'Main Linux A')
  t.regex(loader.cannotChoose!({})!, /takes no keys from its console, and this board has no other keyboard/)
  t.is(loader.cannotChoose!(uiOf(played, never)), undefined)
  await t.throwsAsync(loader.rescan!(ui), { instanceOf: BoardError, message: /no other keyboard/ })
  await t.throwsAsync(loader.boot(ui, { by: 'label', label: 'Main Linux A' }, nothing), {
    instanceOf: BoardError,
    message: /takes no keys from its console/,
  })
  t.is(await boot(played, { by: 'time-out' }), 'console=ttyS0 target=a')
})

test('as the first process it is gone after a refusal', async (t) => {
  await using played = await openCast(new URL('kexecboot-init.cast', recordings), { speed: 0 })
  await loader.arrive(uiOf(played, never), { from: 0, holdCountdown: true })
  t.like(await boot(played, { by: 'label', label: 'Bad: garbage' }), { usable: false })
})

test('an entry that is not there is told with those that are; a damaged one is the fault of the line', async (t) => {
  for (const { shown, error } of [
    { shown: 'Main Linux B', error: BoardError },
    { shown: 'Main Lnux A', error: LabError },
  ]) {
    const { console, screen, say } = open()
    say(menuOf(shown))
    const ui = { console, screen, sendKey: async () => {}, timeoutMs: 5_000, signal: never }
    const choice = { by: 'label', label: 'Main Linux A' } as const
    const thrown = await t.throwsAsync(loader.boot(ui, choice, nothing))
    t.true(thrown instanceof error)
    t.true(thrown.message.includes(JSON.stringify(shown)), thrown.message)
    screen[Symbol.dispose]()
  }
})

test('where a key does not move the cursor, no other entry is booted', async (t) => {
  const { console, screen, say } = open()
  say(menuOf('Main Linux A'))
  const pressed: string[] = []
  // Each key has the menu drawn again, and nothing in it moves.
  const sendKey = async (name: string) => {
    pressed.push(name)
    say(menuOf('Main Linux A'))
  }
  const ui = { console, screen, sendKey, timeoutMs: 5_000, signal: never }
  const choice = { by: 'label', label: 'Main Linux A' } as const
  await t.throwsAsync(loader.boot(ui, choice, nothing), {
    instanceOf: LabError,
    message: /cursor does not come to "Main Linux A"; the screen shows:/,
  })
  t.false(pressed.includes('ret'))
  screen[Symbol.dispose]()
})

test('the log counts its entries: one whose line was lost is noticed', (t) => {
  const log = 'Populating menu: 2 item(s)\r\n+ [one]\r\n[   18.2] EXT4-fs\r\n+ [two]\r\n+ Trying evdev\r\n'
  t.deepEqual(loggedMenu(log), { labels: ['one', 'two'], whole: true })
  t.deepEqual(loggedMenu(log.replace('+ [one]', '+ one]')), { labels: ['two'], whole: false })
  t.deepEqual(loggedMenu('No items for menu found\r\n'), { labels: [], whole: true })
  t.is(loggedMenu('+ [one]\r\n'), undefined)
})

test('of what kexec says only the reason is told, and not its debug lines', (t) => {
  const text = [
    'Loaded purgatory at addr 0x3ffd3000',
    'kernel init_size 0xf0000000',
    'Could not find a free area of memory of 0xf0000000 bytes...',
    'locate_hole failed',
    '[   48.448138] EXT4-fs (vda): unmounting filesystem.',
    'Nothing has been loaded!',
  ].join('\r\n')
  t.is(
    refusalOf(text),
    'Could not find a free area of memory of 0xf0000000 bytes...\nlocate_hole failed\nNothing has been loaded!',
  )
})

test('a system call that failed is told, though the segments are listed after it', (t) => {
  const text = [
    'segment[4].memsz = 0x9000',
    '[   18.288736] Lockdown: kexec: kexec of unsigned images is restricted; see man kernel_lockdown.7',
    'kexec_load failed: Operation not permitted',
    'entry       = 0x3ffd4760 flags = 0x3e0000',
    'nr_segments = 5',
    'segment[0].buf   = 0x55d4dfbd24e0',
    '[   18.348761] EXT4-fs (vda1): unmounting filesystem.',
    'Nothing has been loaded!',
  ].join('\r\n')
  t.is(refusalOf(text), 'kexec_load failed: Operation not permitted\nNothing has been loaded!')
  t.is(refusalOf('Nothing has been loaded!'), 'Nothing has been loaded!')
})

test('the last start tells whether it is the first process', (t) => {
  const init = "kexecboot 0.6 starting\r\nI'm the init-process!\r\n"
  const other = 'kexecboot 0.6 starting\r\nKernel cmdline: console=ttyS0\r\n'
  t.true(isInit(init))
  t.false(isInit(init + other))
  t.true(isInit(other + init))
  t.true(isInit(` ${init.replaceAll('\n', '\n ')}`), 'as the debug log shows it')
})

function open() {
  const console = new Console({ write: async () => {} })
  const screen = new Screen(console)
  return { console, screen, say: (text: string) => console.feed(Buffer.from(text), 1n) }
}

/** As src/tui.c draws it, with the cursor on the system menu. */
function menuOf(label: string): string {
  const row = (text: string) => `  ${text.padEnd(40)}\x1b[K\r\n`
  const reverse = (text: string) => ` \x1b[7m ${text.padEnd(40)} \x1b[27m\x1b[K\r\n`
  const head = '\x1b[2J\x1b[1;1H\x1b[40;37m\x1b[2K\r\n KEXECBOOT\x1b[K\r\n\x1b[2K\r\n'
  return `${head}${reverse('System menu')}${reverse('')}${row(label)}${row('/dev/vda1 ext4 77Mb'.padStart(40))}`
}

test('behind a bad line: the right entry, or a clear error, never another entry', async (t) => {
  t.timeout(240_000)
  const output = { lost: 0.01, delayed: 0.05, delayMs: 200 }
  const seeds = Array.from({ length: 16 }, (_, seed) => seed + 1)
  const outcomes = await Promise.all(
    seeds.map(async (seed) => {
      const simulated = simulatedKexecboot(labels)
      const { console, screen } = open()
      const sink = { bytes: (chunk: Buffer, atNs: bigint) => console.feed(chunk, atNs), ended: () => {} }
      const connection = await withFaults(simulated.connect, { seed, output })(sink, never)
      const arrived = new AbortController()
      const ui = { console, screen, sendKey: simulated.sendKey, timeoutMs: 40_000, signal: arrived.signal }
      const label = labels[seed % labels.length]!
      const timer = setInterval(() => simulated.booted.length > 0 && arrived.abort(), 20)
      try {
        await loader.arrive(ui, { from: 0, holdCountdown: true })
        await loader.boot(ui, { by: 'label', label }, nothing)
      } catch (error) {
        const isTold = [LabError, ScreenTimeout, ConsoleTimeout].some((kind) => error instanceof kind)
        if (!isTold && !arrived.signal.aborted) throw error
      } finally {
        clearInterval(timer)
        await connection.close()
        screen[Symbol.dispose]()
      }
      return { label, booted: simulated.booted }
    }),
  )
  for (const { label, booted } of outcomes)
    t.true(
      booted.every((one) => one === label),
      `${booted} instead of ${label}`,
    )
  const right = outcomes.filter(({ label, booted }) => booted.includes(label)).length
  t.log(`${right} of ${outcomes.length} booted what was asked for`)
  t.true(right >= outcomes.length / 2)
})

test('on a terminal without a size its menu is blank: that is said, and its time-out still works', async (t) => {
  const { console, screen, say } = open()
  say('kexecboot 0.6 starting\r\nPopulating menu: 1 item(s)\r\n+ [one]\r\n')
  say('\x1b[2J\x1b[1;1H\x1b[40;37m\x1b[2K\r\n KEXECBOOT\x1b[K\r\n\x1b[2K\r\n')
  const ui = { console, screen, sendKey: async () => {}, timeoutMs: 20_000, signal: never }
  const menu = await loader.arrive(ui, { from: 0, holdCountdown: false })
  t.deepEqual(menu.entries, [{ label: 'one', isDefault: true }])
  const error = await t.throwsAsync(loader.arrive(ui, { from: 0, holdCountdown: true }), {
    instanceOf: BoardError,
  })
  t.regex(error.hint!, /stty rows 24 cols 80/)
  screen[Symbol.dispose]()
})
