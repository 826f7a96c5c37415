/** `npm run doctor -- --board NAME`: each part of a descriptor against the rack, a line a part. */
import { type Descriptor, loadDescriptor } from '../board/descriptor.ts'
import { isReal, kindOf, type RealDescriptor } from '../board/kinds.ts'
import { describeHolder, holderOf, takeLock } from '../board/lock.ts'
import { exitStatus } from '../errors.ts'
import { attempt, type Check, checkText } from './lab/check.ts'
import { consoleChecks, powerCheck, quarantineCheck, secretChecks } from './lab/rack-checks.ts'
import { hold, type Resolved } from './lab/real-board.ts'
import { boardsDir } from './paths.ts'
import { print } from './print.ts'

/** Switching the power is asked for by name, since it ends whatever the board does. */
export type DoctorFlags = { power?: boolean }

/**
 * Checks boards one after another. Returns the exit status: 3 where something is broken.
 * Throws UsageError for a descriptor that is wrong.
 */
export async function boardDoctor(
  boards: string[],
  { power = false }: DoctorFlags,
  signal: AbortSignal,
): Promise<number> {
  let broken = 0
  for (const board of boards) {
    const descriptor = await loadDescriptor(board, boardsDir)
    if (boards.length > 1) await print(`\n${descriptor.name}`)
    for await (const check of checksOf(descriptor, power, signal)) {
      if (check.state === 'broken') broken++
      await print(checkText(check))
    }
  }
  await print(broken > 0 ? `\n${broken} to mend, see above` : '\nnothing is broken')
  return broken > 0 ? exitStatus.lab : exitStatus.passed
}

async function* checksOf(descriptor: Descriptor, power: boolean, signal: AbortSignal): AsyncGenerator<Check> {
  const { name } = descriptor
  yield { what: 'descriptor', state: 'ok', detail: `${name}, ${descriptor.arch}` }
  if (kindOf(descriptor) === 'qemu')
    return yield {
      what: 'console and power',
      state: 'skipped',
      detail: 'come with its QEMU machine; npm run doctor says whether QEMU is there',
    }
  yield* await secretChecks(descriptor)
  yield quarantineCheck(name)
  const holder = await holderOf(name)
  if (holder !== undefined)
    return yield {
      what: 'lock',
      // Nothing is wrong with the rack, but what was asked for can't be done.
      state: power ? 'broken' : 'skipped',
      detail: `in use by ${describeHolder(holder)}; console and power are not looked at meanwhile`,
    }
  const command = `npm run doctor -- --board ${name}`
  if (isReal(descriptor)) {
    using _lock = await takeLock(name, command)
    yield { what: 'lock', state: 'ok', detail: 'free' }
    return yield* partsOf(descriptor, power, signal)
  }
  await using resources = new AsyncDisposableStack()
  let held: Resolved | undefined
  yield await attempt(descriptor.place === undefined ? 'bench rig' : 'labgrid place', async () => {
    held = resources.use(await hold(descriptor, command, signal))
    return `gives a console ${held.descriptor.console.type} and a switch ${held.descriptor.power.type}`
  })
  if (held) yield* partsOf(held.descriptor, power, signal)
}

async function* partsOf(
  descriptor: RealDescriptor,
  power: boolean,
  signal: AbortSignal,
): AsyncGenerator<Check> {
  yield* await consoleChecks(descriptor.console, signal)
  yield await powerCheck(descriptor.name, descriptor.power, signal)
  if (!power) return
  const { bootChecks } = await import('./lab/boot-checks.ts')
  yield* bootChecks(descriptor, signal)
}
