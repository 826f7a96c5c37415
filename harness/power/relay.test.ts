import test from 'ava'
import { type Relay, relaySwitch } from './relay.ts'

function testRelay(): Relay & { calls: boolean[] } {
  const calls: boolean[] = []
  return {
    name: 'relay 1',
    calls,
    set: async (energised) => {
      calls.push(energised)
    },
    get: async () => calls.at(-1),
  }
}
const { signal } = new AbortController()

test('on energises it, and an inverted one is released', async (t) => {
  const plain = testRelay()
  const straight = relaySwitch(plain, { invert: false })
  await straight.on(signal)
  t.deepEqual(plain.calls, [true])
  t.is(await straight.state?.(signal), 'on')

  const other = testRelay()
  const inverted = relaySwitch(other, { invert: true })
  await inverted.on(signal)
  t.deepEqual(other.calls, [false])
  t.is(await inverted.state?.(signal), 'on')
  await inverted.off(signal)
  t.is(await inverted.state?.(signal), 'off')
})

test('what a relay does not say stays unknown, and what it never says is absent', async (t) => {
  t.is(await relaySwitch(testRelay(), { invert: true }).state?.(signal), 'unknown')
  t.is(relaySwitch({ name: 'r', set: async () => {} }, { invert: false }).state, undefined)
})

test('a power button is pressed for its time and let go, and has no state', async (t) => {
  const relay = testRelay()
  const slept: number[] = []
  const clock = {
    nowNs: () => 0n,
    sleep: async (ms: number) => {
      t.is(relay.calls.at(-1), true)
      slept.push(ms)
    },
  }
  const button = relaySwitch(relay, { invert: false, button: { on: '500ms', off: '6s' } }, clock)
  await button.on(signal)
  await button.off(signal)
  t.deepEqual(slept, [500, 6000])
  t.deepEqual(relay.calls, [true, false, true, false])
  t.is(button.state, undefined)
  t.true(button.limitMs! > 6000)
})

test('a button is let go also when the run is interrupted while it is pressed', async (t) => {
  const relay = testRelay()
  const stop = new AbortController()
  const button = relaySwitch(relay, { invert: true, button: { on: '500ms', off: '1h' } })
  const pressed = button.off(stop.signal)
  stop.abort()
  await t.throwsAsync(pressed, { name: 'AbortError' })
  t.deepEqual(relay.calls, [false, true])
})
