/** `npm run power -- BOARD on|off|cycle|state`: switches one board's power by hand. */
import { type Descriptor, loadDescriptor } from '../board/descriptor.ts'
import { isReal, kindOf, type RealDescriptor } from '../board/kinds.ts'
import { takeLock } from '../board/lock.ts'
import { exitStatus, UsageError } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import { openPower, type PowerControl } from '../power/control.ts'
import { hold, noSwitch } from './lab/real-board.ts'
import { boardsDir } from './paths.ts'
import { print } from './print.ts'

const actions = ['on', 'off', 'cycle', 'state'] as const
type Action = (typeof actions)[number]

/**
 * Does it and returns the exit status. Whoever switches has the board's lock; asking for the state takes none.
 * Throws UsageError (no such board or action, a board without a switch) and LabError (the switch does not answer or do it,
 * somebody else has the board).
 */
export async function power(board: string, action: string, signal: AbortSignal): Promise<number> {
  const wanted = toAction(action)
  const descriptor = await loadDescriptor(board, boardsDir)
  if (isReal(descriptor)) {
    using _lock =
      wanted === 'state' ? undefined : await takeLock(descriptor.name, commandOf(descriptor, wanted))
    return await act(descriptor, wanted, signal)
  }
  if (kindOf(descriptor) === 'qemu') throw noSwitch(descriptor)
  if (kindOf(descriptor) === 'rig')
    throw new UsageError(
      `${descriptor.name} is a board of the bench rig: its switch is there only while a run is`,
      {
        hint: `npm run doctor -- --board ${descriptor.name} --power tries it.`,
      },
    )
  await using held = await hold(descriptor, commandOf(descriptor, wanted), signal)
  return await act(held.descriptor, wanted, signal)
}

async function act(
  { name, power: config }: RealDescriptor,
  action: Action,
  signal: AbortSignal,
): Promise<number> {
  const log = (text: string) => console.error(`${name}: ${text}`)
  await using control = await openPower(name, config, log)
  if (action === 'state') await print(await control.state(signal))
  else {
    log(`${doing[action]} through ${config.type}`)
    await control[action](signal)
    await print(`${name}: ${await outcome(control, action, signal)}`)
  }
  return exitStatus.passed
}

function commandOf({ name }: Descriptor, action: Action): string {
  return `npm run power -- ${name} ${action}`
}

const doing = { on: 'switching on', off: 'switching off', cycle: 'switching off and on again' } as const

/** What the switch says after it was told, or that it can't say anything. */
async function outcome(control: PowerControl, action: Action, signal: AbortSignal): Promise<string> {
  const state = await control.state(signal)
  if (state !== 'unknown') return `is ${state}, says its switch`
  return `was told to switch ${action === 'off' ? 'off' : 'on'}; this kind of switch can't say whether it did`
}

function toAction(text: string): Action {
  const action = actions.find((known) => known === text)
  if (action !== undefined) return action
  throw new UsageError(`power can't ${JSON.stringify(text)}${didYouMean(text, actions)}`, {
    hint: `It can ${actions.join(', ')}: npm run power -- BOARD on`,
  })
}
