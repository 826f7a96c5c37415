import test from 'ava'
import { bisectDrivers } from './bisect-drivers.ts'

const devices = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
/** The finding is there as long as one of these has its driver. */
const causedBy =
  (...culprits: string[]) =>
  async (unbound: readonly string[]) =>
    culprits.some((culprit) => !unbound.includes(culprit))

for (const culprit of devices)
  test(`finds ${culprit} among seven in at most five trials`, async (t) => {
    const found = await bisectDrivers(devices, causedBy(culprit))
    t.is(found.culprit, culprit)
    t.true(found.trials.length <= 5, `${found.trials.length} trials`)
    t.true(
      found.trials.some(({ unbound, seen }) => !seen && unbound.length === 1),
      'it was confirmed alone',
    )
  })

test('names nobody where two drivers cause it together', async (t) => {
  t.is((await bisectDrivers(devices, causedBy('b', 'f'))).culprit, null)
})

test('names nobody where it stays with every driver unbound, after one trial', async (t) => {
  const found = await bisectDrivers(devices, async () => true)
  t.deepEqual(found, { culprit: null, trials: [{ unbound: devices, seen: true }] })
})

test('one device is confirmed by the one trial, none needs none', async (t) => {
  t.deepEqual(await bisectDrivers(['a'], causedBy('a')), {
    culprit: 'a',
    trials: [{ unbound: ['a'], seen: false }],
  })
  t.deepEqual(await bisectDrivers([], causedBy('a')), { culprit: null, trials: [] })
})
