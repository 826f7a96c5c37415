import test from 'ava'
import type { Clock } from '../clock.ts'
import { LabError } from '../errors.ts'
import { PowerControl } from './control.ts'
import type { PowerState, PowerSwitch } from './switch.ts'

/** Time that passes only by sleeping; what it was slept is kept. */
function testClock(): Clock & { slept: number[]; pass(ms: number): void } {
  let nowNs = 0n
  const slept: number[] = []
  const pass = (ms: number) => {
    nowNs += BigInt(Math.round(ms * 1e6))
  }
  return {
    slept,
    pass,
    nowNs: () => nowNs,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      slept.push(ms)
      pass(ms)
    },
  }
}

/** A switch that does what it is told, and what was asked of it. */
function obedient(extra: Partial<PowerSwitch> = {}): PowerSwitch & { calls: string[] } {
  const calls: string[] = []
  let state: PowerState = 'off'
  const set = (wanted: PowerState) => async () => {
    calls.push(wanted)
    state = wanted
  }
  return { name: 'relay 3', calls, on: set('on'), off: set('off'), state: async () => state, ...extra }
}

function control(power: PowerSwitch, options: { retries?: number; clock?: Clock } = {}) {
  const log: string[] = []
  const clock = options.clock ?? testClock()
  const opened = new PowerControl({
    ...{ board: 'juno', switch: power, offDwellMs: 5000, retries: options.retries ?? 2, retryDelayMs: 2000 },
    log: (text) => log.push(text),
    clock,
  })
  return { power: opened, log }
}

const { signal } = new AbortController()

test('a cycle is off, the dwell, on', async (t) => {
  const relay = obedient()
  const clock = testClock()
  const { power, log } = control(relay, { clock })
  await power.cycle(signal)
  t.deepEqual(relay.calls, ['off', 'on'])
  t.deepEqual(clock.slept, [5000])
  t.deepEqual(log, ['power off: relay 3 says off', 'power on: relay 3 says on'])
})

test('the dwell is kept between an off and a later on, and what has passed of it counts', async (t) => {
  const clock = testClock()
  const { power } = control(obedient(), { clock })
  await power.off(signal)
  clock.pass(3000)
  await power.on(signal)
  t.deepEqual(clock.slept, [2000])
  await power.off(signal)
  clock.pass(60_000)
  await power.on(signal)
  t.deepEqual(clock.slept, [2000])
})

test('the dwell is kept also after an off that failed: the board may have lost its power', async (t) => {
  const clock = testClock()
  const off = async () => {
    throw new LabError('no answer')
  }
  const { power } = control(obedient({ off }), { retries: 0, clock })
  await t.throwsAsync(power.off(signal))
  await power.on(signal)
  t.deepEqual(clock.slept, [5000])
})

test('the first on of a run waits for nothing', async (t) => {
  const clock = testClock()
  const { power } = control(obedient(), { clock })
  await power.on(signal)
  t.deepEqual(clock.slept, [])
})

test('what fails is tried again, each attempt is told, and success ends it', async (t) => {
  let failures = 2
  const clock = testClock()
  const { power, log } = control(
    obedient({
      on: async () => {
        if (failures-- > 0) throw new LabError('pdudaemon at http://rack1 answered 500')
      },
      state: undefined,
    }),
    { clock },
  )
  await power.on(signal)
  t.deepEqual(clock.slept, [2000, 2000])
  t.deepEqual(log, [
    'power on, attempt 1 of 3: pdudaemon at http://rack1 answered 500; again in 2 s',
    'power on, attempt 2 of 3: pdudaemon at http://rack1 answered 500; again in 2 s',
    'power on, attempt 3 of 3: relay 3 took it; it can not tell the state',
  ])
})

test('after the last attempt the error says which board, what went wrong first and last, and how long', async (t) => {
  const messages = ['it answered 500', 'it answered 500', 'it refused the connection']
  const off = async () => {
    throw new LabError(messages.shift()!, messages.length === 2 ? { hint: 'Look at its log.' } : {})
  }
  const { power } = control(obedient({ off }))
  const error = await t.throwsAsync(power.off(signal), { instanceOf: LabError })
  t.is(
    error?.message,
    'the relay of juno did not switch off: it answered 500; the last time: it refused the connection (3 attempts over 4 s)',
  )
  t.is(error?.hint, 'Look at its log.')
  t.is(error?.board, 'juno')
  t.like(error?.cause, { message: 'it answered 500' })
})

test('a relay that says yes and does nothing is caught by its state', async (t) => {
  const relay = obedient({ off: async () => {}, state: async () => 'on' })
  const { power } = control(relay, { retries: 1 })
  await t.throwsAsync(power.off(signal), {
    message:
      /^the relay of juno did not switch off: relay 3 took it and still says on after 5 s \(2 attempts/,
  })
})

test('a state that comes late is waited for', async (t) => {
  let polls = 0
  const relay = obedient({ state: async () => (++polls < 4 ? 'off' : 'on') })
  const clock = testClock()
  const { power, log } = control(relay, { clock })
  await power.on(signal)
  t.deepEqual(clock.slept, [500, 500, 500])
  t.deepEqual(log, ['power on: relay 3 says on'])
})

test('a state that this switch can not tell is taken as it is', async (t) => {
  const { power, log } = control(obedient({ state: async () => 'unknown' }))
  await power.on(signal)
  t.deepEqual(log, ['power on: relay 3 took it; it can not tell the state'])
  t.is(await power.state(signal), 'unknown')
  t.is(await control(obedient({ state: undefined })).power.state(signal), 'unknown')
})

test('a call that never ends is given up after its limit, also when it does not heed its signal', async (t) => {
  const { power } = control(obedient({ on: () => new Promise(() => {}), limitMs: 20 }), { retries: 0 })
  await t.throwsAsync(power.on(signal), {
    instanceOf: LabError,
    message: /did not switch on: relay 3 did not answer within 0 s/,
  })
})

test('an interruption is no failure: nothing is tried again and its reason comes out', async (t) => {
  const stop = new AbortController()
  const relay = obedient({ on: () => new Promise(() => {}) })
  const { power, log } = control(relay)
  const switching = power.on(stop.signal)
  stop.abort(new DOMException('interrupted', 'AbortError'))
  await t.throwsAsync(switching, { name: 'AbortError' })
  await t.throwsAsync(power.off(stop.signal), { name: 'AbortError' })
  t.deepEqual(relay.calls, [])
  t.deepEqual(log, [])
})

test('a mistake in the code of a switch is not taken for the lab', async (t) => {
  const on = async () => {
    throw new TypeError('undefined is not a function')
  }
  await t.throwsAsync(control(obedient({ on })).power.on(signal), { instanceOf: TypeError })
})

test('disposing of it closes the switch and switches nothing', async (t) => {
  let closed = 0
  const relay = obedient({
    close: async () => {
      closed++
    },
  })
  {
    await using _ = control(relay).power
  }
  t.is(closed, 1)
  t.deepEqual(relay.calls, [])
})
