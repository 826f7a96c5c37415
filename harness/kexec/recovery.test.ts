import test from 'ava'
import type { Board, RecoveryStep } from '../board/board.ts'
import { BoardError, LabError } from '../errors.ts'
import type { KernelFacts } from './proof.ts'
import { Recovery } from './recovery.ts'
import type { SessionListener } from './session.ts'

const facts: KernelFacts = { bootId: 'b', release: '6.1', nonce: null, memAvailableKiB: null }

type Setup = {
  steps?: RecoveryStep[]
  powerCycles?: number
  /** What each boot ends with, in order. */
  boots: (Error | 'up')[]
}

function recovering({ steps, powerCycles = 2, boots }: Setup) {
  const told: string[] = []
  const boot = async () => {
    const outcome = boots.shift()
    if (outcome !== 'up') throw outcome ?? new Error('one boot too many')
    return facts
  }
  const board = {
    recoverySteps: steps,
    powerCycles,
    giveUp: (reason: string) => told.push(`given up: ${reason}`),
  } as unknown as Board
  const listener = {
    recovery: (step: string, outcome: string, ok: boolean) =>
      told.push(`${step}: ${ok ? 'ok' : 'no'}: ${outcome}`),
  } as unknown as SessionListener
  const recovery = new Recovery(
    { board, listener, signal: new AbortController().signal },
    {
      resume: async (start) => {
        await start('console=ttyS0')
        return await boot()
      },
      powerCycle: boot,
    },
  )
  return { recovery, told }
}

const booted = 'the board booted cold and its shell answers'
const helps: RecoveryStep = {
  name: 'sysrq',
  attempt: async () => ({ said: 'CPU0 idles', boot: async () => 0 }),
}
const says: RecoveryStep = { name: 'sysrq', attempt: async () => ({ said: 'no answer', boot: null }) }
const breaks: RecoveryStep = { name: 'loader', attempt: () => Promise.reject(new LabError('no console')) }

test('a step that helps is the last one, and what it said is told', async (t) => {
  const { recovery, told } = recovering({ steps: [helps, breaks], boots: ['up'] })
  await recovery.run()
  t.deepEqual(told, [`sysrq: ok: CPU0 idles\n${booted}`])
})

test('steps that do not help are told in their order, and then the power is cycled', async (t) => {
  const { recovery, told } = recovering({ steps: [says, breaks], boots: [new BoardError('dark'), 'up'] })
  await recovery.run()
  t.deepEqual(told, [
    'sysrq: no: no answer',
    'loader: no: no console',
    'power cycle 1 of 2: no: dark',
    `power cycle 2 of 2: ok: ${booted}`,
  ])
})

test('a board that nothing brings back is given up, with whose fault it was', async (t) => {
  const silent = () => new LabError('the relay does not answer')
  const { recovery, told } = recovering({ powerCycles: 2, boots: [silent(), silent()] })
  await t.throwsAsync(recovery.run(), { instanceOf: LabError })
  t.is(told.at(-2), 'given up: the lab did not come back: the relay does not answer')
  t.regex(told.at(-1)!, /^quarantine: no: no run uses the board/)
})

test('a first boot that succeeds is no recovery, one that failed before is', async (t) => {
  const good = recovering({ boots: ['up'] })
  t.is(await good.recovery.bringUp(), facts)
  t.deepEqual(good.told, [])
  const second = recovering({ boots: [new BoardError('dark'), 'up'] })
  await second.recovery.bringUp()
  t.deepEqual(second.told, ['power cycle 1 of 2: no: dark', `power cycle 2 of 2: ok: ${booted}`])
})
