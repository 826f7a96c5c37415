import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import anyTest, { type ExecutionContext, type TestFn } from 'ava'
import { execa } from 'execa'
import { connectTo, consoleTypes, type LineConfig } from '../../console/transports.ts'
import { isAbort, LabError } from '../../errors.ts'
import { openPower } from '../../power/control.ts'
import { labgridSchema, openLabgrid } from '../../power/labgrid.ts'
import { powerTypes, type SwitchConfig } from '../../power/switches.ts'
import { ensureLabPrograms, type LabPrograms, SmallLab } from './lab-fixture.ts'
import { type AcquireOptions, acquirePlace } from './place.ts'

/** Each call of labgrid-client is a start of Python and gRPC: seconds on a busy machine. */
const limitMs = 240_000
const test = anyTest as TestFn
const { signal } = new AbortController()

let programs: LabPrograms | undefined
let lab: SmallLab
let missing = ''

test.before(async (t) => {
  t.timeout(600_000)
  try {
    programs = await ensureLabPrograms((text) => t.log(text))
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    missing = error.message
    return
  }
  lab = await SmallLab.start(programs, signal)
})

test.after.always(async () => {
  await lab?.[Symbol.asyncDispose]()
})

/** A test with the lab, one after the other: they share its places. */
function labTest(title: string, body: (t: ExecutionContext) => Promise<void>): void {
  test.serial(title, async (t) => {
    t.timeout(limitMs)
    if (programs) return await body(t)
    t.log(`not run: ${missing}`)
    t.pass()
  })
}

const acquire = (options: Partial<AcquireOptions>, until = signal) =>
  acquirePlace({ board: 'juno', place: 'juno-1', coordinator: lab.rig.coordinator, ...options }, until)

async function becomesFree(name: string): Promise<void> {
  while ((await lab.place(name)).acquired !== null) await sleep(200)
}

labTest('a place is ours while it is used, and free afterwards', async (t) => {
  const told: string[] = []
  {
    await using place = await acquire({ place: 'big', log: (text) => told.push(text) })
    t.is(place.name, 'juno-1')
    t.like(place.console, { type: 'telnet', host: '127.0.0.1', baud: 115_200, rfc2217: true })
    t.deepEqual(place.power, { type: 'labgrid', place: 'juno-1', coordinator: lab.rig.coordinator })
    t.regex((await lab.place('juno-1')).acquired ?? '', /\+kexec-harness-[0-9a-f]{6}$/)
    t.false(place.lost.aborted)
  }
  const after = await lab.place('juno-1')
  t.is(after.acquired, null)
  t.is(after.reservation, null)
  t.deepEqual(told, ['acquired the labgrid place juno-1', 'the labgrid place is released'])
})

labTest('bytes go both ways through the console that the place names', async (t) => {
  await using place = await acquire({})
  let heard = ''
  const sink = {
    bytes: (chunk: Buffer) => {
      heard += chunk.toString('latin1')
    },
    ended: (reason: string) => t.fail(reason),
  }
  const config = consoleTypes.parse(place.console) as LineConfig
  const connection = await (await connectTo(config))(sink, signal)
  // ser2net opens the port when it is connected to; what the board says before that is lost, as on a rack.
  while (!heard.includes('Hit any key')) {
    lab.say('Hit any key\r\n')
    await sleep(100)
  }
  await connection.write(Buffer.from('booti\r\n'))
  while (!lab.typed.includes('booti')) await sleep(50)
  await connection.close()
  t.pass()
})

labTest('an exporter that is too slow for its coordinator is asked again', async (t) => {
  const told: string[] = []
  await lab.slowSerialPort()
  await using place = await acquire({ log: (text) => told.push(text) })
  t.is(place.console?.type, 'telnet')
  t.regex(told[0]!, /^labgrid: Failed to acquire resources for place juno-1; try again in 5 s$/)
})

labTest('a place of a kind is found by its tags; when all are taken, who has them is said', async (t) => {
  const tags = { board: 'juno' }
  await using first = await acquire({ place: { tags } })
  await using second = await acquire({ place: { tags } })
  // In either order, and AVA compares the order of sets too.
  t.is([first.name, second.name].filter((name) => /^juno-[12]$/.test(name)).length, 2)
  t.not(first.name, second.name)
  const error = await t.throwsAsync(acquire({ place: { tags } }), { instanceOf: LabError })
  const by =
    'is taken by a run of kexec-harness by \\S+ on \\S+ since 20\\d\\d-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d'
  t.regex(error.message, new RegExp(`^juno: labgrid: juno-1 ${by}; juno-2 ${by}$`))
  t.regex(error.hint ?? '', /placeWait/)
})

labTest('a place that somebody else has is not taken from him', async (t) => {
  const other = lab.client.as({ host: 'rack7', user: 'bob' })
  await other.run(['-p', 'juno-1', 'acquire'])
  t.teardown(() => other.run(['-p', 'juno-1', 'release-from', 'rack7/bob']))
  const error = await t.throwsAsync(acquire({}), { instanceOf: LabError })
  t.regex(error.message, /^juno: labgrid: juno-1 is taken by bob on rack7 since 20/)
  t.is((await lab.place('juno-1')).acquired, 'rack7/bob')
})

labTest('who waits gets the place when it is released', async (t) => {
  const other = lab.client.as({ host: 'rack7', user: 'bob' })
  await other.run(['-p', 'juno-1', 'acquire'])
  const waits = Promise.withResolvers<void>()
  const told: string[] = []
  const log = (text: string) => {
    told.push(text)
    if (text === 'wait for the labgrid place') waits.resolve()
  }
  const waiting = acquire({ waitMs: limitMs, log })
  await Promise.race([waits.promise, waiting])
  await other.run(['-p', 'juno-1', 'release'])
  await using place = await waiting
  t.is(place.name, 'juno-1')
  t.regex(told[0]!, /^labgrid: juno-1 is taken by bob on rack7 since/)
})

labTest('a wait that is over, or aborted, leaves nothing behind', async (t) => {
  const other = lab.client.as({ host: 'rack7', user: 'bob' })
  await other.run(['-p', 'juno-1', 'acquire'])
  t.teardown(() => other.run(['-p', 'juno-1', 'release-from', 'rack7/bob']))
  const error = await t.throwsAsync(acquire({ waitMs: 3000 }), { instanceOf: LabError })
  t.regex(error.message, /^juno: labgrid: after 3 s still juno-1 is taken by bob on rack7/)
  const stop = new AbortController()
  const log = (text: string) => {
    if (text === 'wait for the labgrid place') stop.abort()
  }
  const aborted = await t.throwsAsync(acquire({ waitMs: limitMs, log }, stop.signal))
  t.true(isAbort(aborted))
  t.is((await lab.client.run(['reservations'])).trim(), '')
})

labTest('an abort while a place is described releases it', async (t) => {
  const stop = new AbortController()
  const log = (text: string) => {
    if (text.startsWith('acquired')) stop.abort()
  }
  const aborted = await t.throwsAsync(acquire({ log }, stop.signal))
  t.true(isAbort(aborted))
  t.is((await lab.place('juno-1')).acquired, null)
})

labTest('SIGKILL to the whole process group of a run releases its place', async (t) => {
  const module = fileURLToPath(new URL('./place.ts', import.meta.url))
  const options = JSON.stringify({ board: 'juno', place: 'juno-1', coordinator: lab.rig.coordinator })
  const code = `const { acquirePlace } = await import(${JSON.stringify(module)})
    const place = await acquirePlace(${options}, new AbortController().signal)
    console.log(place.name)
    setInterval(() => {}, 1000)`
  const run = execa(process.execPath, ['--input-type=module', '-e', code], { reject: false, detached: true })
  t.teardown(() => run.kill('SIGKILL'))
  const [line] = (await once(createInterface(run.stdout), 'line')) as [string]
  t.is(line, 'juno-1')
  t.not((await lab.place('juno-1')).acquired, null)
  process.kill(-run.pid!, 'SIGKILL')
  await run
  await becomesFree('juno-1')
  t.pass()
})

labTest('a keeper that is killed leaves the release to the harness', async (t) => {
  const told: string[] = []
  {
    await using _place = await acquire({ log: (text) => told.push(text) })
    process.kill(await keeperPid(), 'SIGKILL')
  }
  t.is((await lab.place('juno-1')).acquired, null)
  t.true(told.includes('the labgrid place is released'), told.join('\n'))
})

/** The keeper that this process has started. */
async function keeperPid(): Promise<number> {
  const children = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8')
  for (const pid of children.trim().split(' ')) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8')
    if (command.includes('labgrid/keeper.ts')) return Number(pid)
  }
  throw new Error('there is no keeper')
}

labTest('a place that is taken away is told, and not released from whoever has it next', async (t) => {
  const told: string[] = []
  const kicked = Promise.withResolvers<void>()
  {
    await using place = await acquire({ log: (text) => told.push(text) })
    place.lost.addEventListener('abort', () => kicked.resolve())
    await lab.client.run(['-p', 'juno-1', 'release', '--kick'])
    await lab.client.as({ host: 'rack7', user: 'bob' }).run(['-p', 'juno-1', 'acquire'])
    await kicked.promise
    t.true(place.lost.reason instanceof LabError)
    t.regex((place.lost.reason as Error).message, /^the labgrid place juno-1 is not ours any more: /)
  }
  t.is((await lab.place('juno-1')).acquired, 'rack7/bob')
  await lab.client.run(['-p', 'juno-1', 'release-from', 'rack7/bob'])
})

labTest('power is switched by labgrid and read back where its driver can', async (t) => {
  await using place = await acquire({})
  await using power = await openPower('juno', powerTypes.parse(place.power) as SwitchConfig)
  await power.on(signal)
  t.is(await power.state(signal), 'on')
  t.is(lab.relay.states.get('/relay/1'), '1')
  await power.off(signal)
  t.is(await power.state(signal), 'off')
  t.is(lab.relay.states.get('/relay/1'), '0')
})

labTest('pdudaemon behind labgrid switches, and its state is unknown', async (t) => {
  await using place = await acquire({ place: 'juno-2' })
  t.is(place.console, undefined)
  const power = await openLabgrid(labgridSchema.parse(place.power))
  await power.on(signal)
  await power.off(signal)
  while ((await lab.outlets()).length < 2) await sleep(100)
  t.deepEqual(await lab.outlets(), ['on 3', 'off 3'])
  t.is(await power.state!(signal), 'unknown')
})

labTest('power of a place that is not ours is refused, with what to do', async (t) => {
  const power = await openLabgrid(
    labgridSchema.parse({ type: 'labgrid', place: 'bare', coordinator: lab.rig.coordinator }),
  )
  const error = await t.throwsAsync(power.on(signal), { instanceOf: LabError })
  t.is(error.message, 'labgrid place bare: place bare is not acquired')
  t.regex((error as LabError).hint ?? '', /place: bare$/)
  t.is(lab.relay.states.get('/relay/2'), undefined)
})

labTest('a place that is not there is named with the one that was meant', async (t) => {
  const error = await t.throwsAsync(acquire({ place: 'juno-3' }), { instanceOf: LabError })
  t.regex(error.message, /has no place juno-3; did you mean "juno-[12]"\?$/)
  const tagged = await t.throwsAsync(acquire({ place: { tags: { board: 'rpi' } } }), { instanceOf: LabError })
  t.regex(tagged.message, /has no place with the tags board=rpi$/)
})

labTest('a coordinator that is not there is said to be', async (t) => {
  const { coordinator } = lab.rig
  // The same host, at a port that nothing listens on: the last one that was free cannot be known, port 1 is nobody's.
  const nowhere = coordinator.replace(/:\d+$/, ':1')
  const error = await t.throwsAsync(acquire({ coordinator: nowhere }), { instanceOf: LabError })
  t.true(error.message.startsWith(`labgrid's coordinator at ${nowhere} can't be reached: `), error.message)
})

// Last: the exporter, too, has to find the coordinator again.
labTest('a coordinator that restarts loses the place, which is told', async (t) => {
  await using place = await acquire({ place: 'bare' })
  const lost = Promise.withResolvers<void>()
  place.lost.addEventListener('abort', () => lost.resolve())
  await lab.rig.restartCoordinator(signal)
  await lost.promise
  t.regex((place.lost.reason as Error).message, /somebody released it, or the coordinator was restarted$/)
})
