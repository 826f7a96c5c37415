import { readFile } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import { parse } from 'yaml'
import { openCast } from '../console/cast/cast-fixture.ts'
import { type FaultOptions, withFaults } from '../console/cast/faults.ts'
import { Console, ConsoleTimeout } from '../console/console.ts'
import { Screen, ScreenTimeout } from '../console/screen.ts'
import { BoardError, LabError } from '../errors.ts'
import { dialogue } from './dialogue.ts'
import { dialogueChoice, kbootLoader } from './dialogue-fixture.ts'
import { isDamaged } from './dialogue-menu.ts'
import { type SimulatedBootloader, simulatedMenu, simulatedPrompt } from './dialogue-simulated-fixture.ts'
import type { BootWatch, Choice, Ui } from './menu-loader.ts'

const recordings = new URL('recordings/', import.meta.url)
const kboot = dialogue(dialogueChoice(kbootLoader))
const labels = [
  'Main Linux A',
  'Main Linux B',
  ...['garbage', 'missing-kernel', 'corrupt-kernel', 'wrong-arch', 'unsigned', 'too-large'].map(
    (fault) => `Bad: ${fault}`,
  ),
]
const menuLoader = dialogueChoice({
  type: 'dialogue',
  name: 'simulated',
  menu: {
    entry: '^ +(?<number>\\d+)\\. (?<label>.+)$',
    countdown: 'Booting in (?<seconds>\\d+) s',
    cursor: 'reverse',
    again: [{ press: ['Ctrl-L'] }],
  },
  boot: [{ menu: {} }, { press: ['Enter'] }],
  refused: ['not loaded'],
})

type Opened = { console: Console; screen: Screen }
const uiOf = ({ console, screen }: Opened, signal: AbortSignal): Ui => ({
  console,
  screen,
  timeoutMs: 60_000,
  signal,
})

/** Boots until the new kernel's command line comes, and it was told that it executes; gives it back, or the refusal. */
async function boot(opened: Opened, choice: Choice, marks: string[] = []) {
  const arrived = new AbortController()
  const executed = Promise.withResolvers<void>()
  const watch: BootWatch = {
    chosen: () => marks.push('chosen'),
    executing: (_, said) => {
      marks.push(said)
      executed.resolve()
    },
  }
  const commandLine = opened.console
    .expect(/Command line: (.*)\r\n/, { timeoutMs: 60_000, signal: arrived.signal, what: 'new kernel' })
    .then(async ({ groups }) => {
      // A recording is played faster than anyone can read.
      await executed.promise
      arrived.abort()
      return groups[0]!
    })
  const refused = kboot.boot(uiOf(opened, arrived.signal), choice, watch)
  try {
    return await Promise.race([commandLine, refused])
  } finally {
    arrived.abort()
    await Promise.allSettled([commandLine, refused])
  }
}

test('a prompt like that of kboot: its labels are read, its countdown is stopped, one is booted with words added', async (t) => {
  await using played = await openCast(new URL('kboot-select.cast', recordings), { speed: 0 })
  const ui = uiOf(played, new AbortController().signal)
  const menu = await kboot.arrive(ui, { from: 0, holdCountdown: true })
  t.deepEqual(
    menu.entries.map(({ label, isDefault }) => ({ label, isDefault })),
    labels.map((label) => ({ label, isDefault: label === 'Main Linux A' })),
  )
  t.is(menu.countdownS, 20)
  const marks: string[] = []
  const said = await boot(played, { by: 'label', label: 'Main Linux B', edit: 'word=1' }, marks)
  t.is(said, 'console=ttyS0 target=b word=1')
  t.deepEqual(marks, ['chosen', 'Starting Main Linux B'])
})

test('entries that it refuses are told in its own words, and its prompt takes the next', async (t) => {
  await using played = await openCast(new URL('kboot-refusals.cast', recordings), { speed: 0 })
  const ui = uiOf(played, new AbortController().signal)
  await kboot.arrive(ui, { from: 0, holdCountdown: true })
  const words = {
    garbage: 'Cannot determine the file type of /mnt/boot/garbage',
    'missing-kernel': "Cannot open `/mnt/boot/missing-kernel': No such file or directory",
    'corrupt-kernel': 'BzImage truncated?\nCannot load /mnt/boot/corrupt-kernel',
    'wrong-arch': 'Cannot determine the file type of /mnt/boot/wrong-arch',
    'too-large': 'Cannot malloc 1610612736 bytes: Cannot allocate memory',
  }
  for (const [fault, reason] of Object.entries(words)) {
    const label = `Bad: ${fault}`
    const status = fault === 'missing-kernel' || fault === 'too-large' ? 1 : 255
    t.deepEqual(await boot(played, { by: 'label', label }), {
      message: `kboot: can't load ${label} (status ${status})\nLoading ${label}\n${reason}`,
      usable: true,
    })
    const menu = await kboot.arrive(ui, { from: played.console.position, holdCountdown: true })
    t.is(menu.entries.length, labels.length)
  }
  t.deepEqual(
    (await kboot.rescan!(ui)).entries.map(({ label }) => label),
    labels,
  )
  t.is(await boot(played, { by: 'label', label: 'Main Linux B' }), 'console=ttyS0 target=b')
})

test('nothing is typed where its time-out boots the default', async (t) => {
  await using played = await openCast(new URL('kboot-time-out.cast', recordings), { speed: 16 })
  await kboot.arrive(uiOf(played, new AbortController().signal), { from: 0, holdCountdown: false })
  const marks: string[] = []
  t.is(await boot(played, { by: 'time-out' }, marks), 'console=ttyS0 target=a')
  t.deepEqual(marks, ['chosen', 'Starting Main Linux A'])
})

test('a line that looks like an echo of another label is told from the entry that is not there', (t) => {
  t.true(isDamaged('Main Lnux A', 'Main Linux A'))
  t.false(isDamaged('Main Linux A', 'Main Linux A'))
  t.false(isDamaged('Main Linux B', 'Main Linux A'))
  t.false(isDamaged('', 'Main Linux A'))
})

test('a menu of keys: the cursor is moved to the entry, up and down, before Enter', async (t) => {
  const simulated = simulatedMenu(['one', 'two', 'three'])
  const { console, screen } = await connected(t, simulated)
  const loader = dialogue(menuLoader)
  const ui = { console, screen, timeoutMs: 60_000, signal: new AbortController().signal }
  const menu = await loader.arrive(ui, { from: 0, holdCountdown: true })
  t.is(menu.selected, 'one')
  t.is(menu.countdownS, 9)
  await t.throwsAsync(loader.boot(ui, { by: 'label', label: 'four' }, ignore), {
    instanceOf: BoardError,
    message: 'simulated\'s menu has no entry "four"; it has "one", "two", "three"',
  })
  await bootSimulated(loader, ui, 'three', simulated)
  t.deepEqual(simulated.booted, ['three'])
})

test('an entry can only be edited where steps for it are given', async (t) => {
  const { console, screen } = await connected(t, simulatedMenu(['one']))
  const loader = dialogue(menuLoader)
  const ui = { console, screen, timeoutMs: 60_000, signal: new AbortController().signal }
  await loader.arrive(ui, { from: 0, holdCountdown: true })
  t.false(loader.canEdit)
  await t.throwsAsync(loader.boot(ui, { by: 'label', label: 'one', edit: 'debug' }, ignore), {
    instanceOf: BoardError,
    message: /was not told how to add words/,
  })
})

const badLine = { lost: 0.01, delayed: 0.05, delayMs: 200 }
const bootloaders = {
  'a prompt': () => ({ loader: kboot, simulated: simulatedPrompt(labels) }),
  'a menu of keys': () => ({ loader: dialogue(menuLoader), simulated: simulatedMenu(labels) }),
}
for (const [name, make] of Object.entries(bootloaders))
  test(`${name} behind a bad line, both ways: the right entry, or a clear error, never another entry`, async (t) => {
    t.timeout(120_000)
    const seeds = Array.from({ length: 24 }, (_, seed) => seed + 1)
    const outcomes = await Promise.all(
      seeds.map(async (seed) => {
        const { loader, simulated } = make()
        const opened = await connected(t, simulated, { seed, output: badLine, input: badLine })
        const ui = { ...opened, timeoutMs: 20_000, signal: new AbortController().signal }
        const label = labels[seed % labels.length]!
        try {
          await loader.arrive(ui, { from: 0, holdCountdown: true })
          await bootSimulated(loader, ui, label, simulated)
        } catch (error) {
          const isTold = [LabError, ScreenTimeout, ConsoleTimeout].some((kind) => error instanceof kind)
          if (!isTold) throw error
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

const ignore: BootWatch = { chosen: () => {}, executing: () => {} }

async function connected(
  t: ExecutionContext,
  { connect }: SimulatedBootloader,
  faults?: FaultOptions,
): Promise<Opened> {
  const held: { write?: (bytes: Buffer) => Promise<void> } = {}
  const console = new Console({ write: (bytes) => held.write!(bytes) })
  const screen = new Screen(console)
  const sink = { bytes: (chunk: Buffer, atNs: bigint) => console.feed(chunk, atNs), ended: () => {} }
  const signal = new AbortController().signal
  const connection = await (faults ? withFaults(connect, faults) : connect)(sink, signal)
  held.write = (bytes) => connection.write(bytes)
  t.teardown(async () => {
    await connection.close()
    screen[Symbol.dispose]()
  })
  return { console, screen }
}

/** Until it has booted something; then as the new kernel's arrival would end it. */
async function bootSimulated(
  loader: typeof kboot,
  ui: Ui,
  label: string,
  { booted }: SimulatedBootloader,
): Promise<void> {
  const arrived = new AbortController()
  const timer = setInterval(() => booted.length > 0 && arrived.abort(), 20)
  const limit = setTimeout(() => arrived.abort(), 30_000)
  try {
    await loader.boot({ ...ui, signal: arrived.signal }, { by: 'label', label }, ignore)
  } catch (error) {
    if (!arrived.signal.aborted) throw error
  } finally {
    clearInterval(timer)
    clearTimeout(limit)
  }
}

test('the worked example in the docs is what the tests drive, and all examples are valid', async (t) => {
  const page = await readFile(new URL('../../docs/loaders/dialogue.md', import.meta.url), 'utf8')
  const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => parse(text!).loader)
  t.deepEqual(examples[0], kbootLoader)
  for (const example of examples) t.notThrows(() => dialogueChoice(example))
})
