import test from 'ava'
import type { Board } from '../board/board.ts'
import type { WarmStart } from '../board/warm-start.ts'
import type { Line } from '../console/lines.ts'
import { LabError } from '../errors.ts'
import type { KernelFacts } from './proof.ts'
import { bootWarm } from './warm-boot.ts'

const said: Line[] = [{ text: 'Linux version 6.1', atNs: 0n, cut: false }]
const booted: KernelFacts = { bootId: 'cold', release: '6.1', nonce: null, memAvailableKiB: null }
const facts = 'c0ffee00-0000-4000-8000-000000000001\n6.1.0-1\n'

type Behaviour = Partial<WarmStart> & { answer?: () => Promise<void> }

/** A board with those warm starts, and what was done to it, in order. */
function setUp(behaviour: Behaviour | undefined, signal = new AbortController().signal) {
  const done: string[] = []
  const note = (what: string) => async () => void done.push(what)
  const { answer = async () => {}, ...warm } = behaviour ?? {}
  const board = {
    warm: behaviour && { keep: note('keep'), discard: note('discard'), ...warm },
    shell: { synchronise: answer, run: async () => ({ output: facts }) },
    powerOff: note('off'),
  } as unknown as Board
  const boot = () =>
    bootWarm({ board, commandLine: 'console=ttyS0', signal }, async (keep) => {
      done.push('boot')
      await keep(said)
      return booted
    })
  return { boot, done }
}
const fails = (message: string) => async () => {
  throw new LabError(message)
}

test('a board of which no state can be kept boots', async (t) => {
  const { boot, done } = setUp(undefined)
  t.deepEqual(await boot(), { facts: booted, note: undefined })
  t.deepEqual(done, ['boot'])
})

test('a board boots where nothing is kept yet, and that is kept', async (t) => {
  const { boot, done } = setUp({ start: async () => undefined })
  t.deepEqual(await boot(), { facts: booted, note: undefined })
  t.deepEqual(done, ['boot', 'keep'])
})

test('a board that answers goes on from what its cold boot had said', async (t) => {
  const { boot, done } = setUp({ start: async () => said })
  t.like(await boot(), { lines: said, warm: true, facts: { release: '6.1.0-1' } })
  t.deepEqual(done, [])
})

const useless: [string, Behaviour][] = [
  ['does not load', { start: fails('load of migration failed') }],
  ['has no shell that answers', { start: async () => said, answer: fails('load of migration failed') }],
]
for (const [what, behaviour] of useless)
  test(`a state that ${what} is thrown away; the board boots, and that is kept in its place`, async (t) => {
    const { boot, done } = setUp(behaviour)
    const { lines, warm, note } = await boot()
    t.deepEqual([lines, warm], [undefined, undefined])
    t.is(note, 'the state that was kept of this board was of no use: load of migration failed')
    t.deepEqual(done, ['off', 'discard', 'boot', 'keep'])
  })

test('a state that can not be kept is no reason to fail', async (t) => {
  const { boot } = setUp({ start: async () => undefined, keep: fails('no space left') })
  const { note } = await boot()
  t.is(note, 'the state of this board could not be kept: no space left')
})

test('Ctrl-C is no fault of the state', async (t) => {
  const stop = new AbortController()
  const start = async () => {
    stop.abort(new Error('interrupted'))
    throw new LabError('QEMU is gone')
  }
  const { boot, done } = setUp({ start }, stop.signal)
  await t.throwsAsync(boot(), { message: 'interrupted' })
  t.deepEqual(done, [])
})
