import test from 'ava'
import type { Clock } from '../clock.ts'
import { withFaults } from '../console/cast/faults.ts'
import { Console } from '../console/console.ts'
import { Screen } from '../console/screen.ts'
import { LabError } from '../errors.ts'
import type { Ui } from './menu-loader.ts'
import { petitboot } from './petitboot.ts'
import { simulatedPetitboot } from './petitboot-simulated-fixture.ts'
import { inVirtualTime } from './virtual-time-fixture.ts'

// A simulated petitboot over a line that loses one byte in a hundred and holds up one chunk in twenty, both ways.

const labels = [
  'Bad: larger than memory',
  'Bad: missing file',
  'Main Linux B (verbose)',
  'Main Linux C',
  'Main Linux A',
]
const badLine = { lost: 0.01, delayed: 0.05, delayMs: 200 }
const clean = { lost: 0, delayed: 0, delayMs: 0 }
const kernel = /Linux version|\[ {4}0\.000000\] /

type Trial = { outcome: 'booted' | 'refused' | 'lab' | 'other'; booted: readonly string[]; words: string }

async function trial(
  clock: Clock,
  label: string,
  { seed, input, output }: { seed: number; input: typeof badLine; output: typeof badLine },
): Promise<Trial> {
  const simulated = simulatedPetitboot(labels, clock)
  const never = new AbortController().signal
  const connect = withFaults(simulated.connect, { seed, input, output, clock })
  const link = Promise.withResolvers<Awaited<ReturnType<typeof connect>>>()
  const console = new Console({ write: async (bytes) => await (await link.promise).write(bytes) })
  using screen = new Screen(console)
  link.resolve(
    await connect(
      {
        bytes: (chunk, atNs) => console.feed(chunk, atNs),
        ended: (reason) => console.close(reason),
      },
      never,
    ),
  )
  const arrived = new AbortController()
  const ui: Ui = { console, screen, timeoutMs: 240_000, signal: AbortSignal.any([never, arrived.signal]) }
  try {
    await petitboot.arrive(ui, { from: 0, holdCountdown: true })
    const from = console.position
    const heard = console.expect(kernel, { from, timeoutMs: 600_000, what: 'new kernel' })
    heard.then(
      () => arrived.abort(new Error('it boots')),
      () => arrived.abort(new Error(`nothing boots; the screen shows:\n${screen.text}`)),
    )
    const watch = { chosen: () => {}, executing: () => {} }
    const { message } = await petitboot.boot(ui, { by: 'label', label }, watch)
    return { outcome: 'refused', booted: simulated.booted, words: message }
  } catch (error) {
    const { booted } = simulated
    if (String(error) === 'Error: it boots') return { outcome: 'booted', booted, words: '' }
    return { outcome: error instanceof LabError ? 'lab' : 'other', booted, words: String(error) }
  }
}

test.serial('a clean line: each entry is booted by its label', async (t) => {
  for (const label of labels) {
    const { outcome, booted } = await inVirtualTime((clock) =>
      trial(clock, label, { seed: 1, input: clean, output: clean }),
    )
    t.deepEqual({ outcome, booted }, { outcome: 'booted', booted: [label] })
  }
})

test.serial('a bad line: the right entry or a lab error, never another entry in silence', async (t) => {
  const trials: Trial[] = []
  for (let seed = 1; seed <= 50; seed++) {
    const label = labels[seed % labels.length]!
    const one = await inVirtualTime((clock) => trial(clock, label, { seed, input: badLine, output: badLine }))
    trials.push(one)
    if (one.outcome !== 'booted') t.log(`seed ${seed}, ${label}: ${one.words}`)
    const isRight = one.outcome === 'booted' && one.booted.every((booted) => booted === label)
    t.true(isRight || one.outcome === 'lab', `seed ${seed}, ${label}: ${JSON.stringify(one)}`)
  }
  const right = trials.filter(({ outcome }) => outcome === 'booted').length
  t.log(`${right} of ${trials.length} booted`)
  t.true(right >= 45, `${right} of ${trials.length}`)
})

test.serial('where no key arrives its countdown boots the default: a lab error that says so', async (t) => {
  for (const output of [clean, badLine]) {
    const input = { ...clean, lost: 1 }
    const { outcome, booted, words } = await inVirtualTime((clock) =>
      trial(clock, 'Main Linux A', { seed: 4, input, output }),
    )
    // Also where it is the very entry that was wanted: nobody chose it.
    t.deepEqual({ outcome, booted }, { outcome: 'lab', booted: ['Main Linux A'] })
    t.regex(
      words,
      /^LabError: petitboot started a kernel before .*: its countdown ended and it booted its default/,
    )
  }
})
