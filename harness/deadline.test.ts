import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { Deadline } from './deadline.ts'

test('it expires after its time', async (t) => {
  using deadline = new Deadline(1)
  await sleep(50)
  t.true(deadline.expired)
  t.is(deadline.signal.reason.name, 'TimeoutError')
})

test('it follows its parent, and has not expired then', (t) => {
  const parent = new AbortController()
  using deadline = new Deadline(60_000, parent.signal)
  parent.abort(new Error('stopped'))
  t.true(deadline.signal.aborted)
  t.is(deadline.signal.reason.message, 'stopped')
  t.false(deadline.expired)
})

test('a parent that was aborted before counts too', (t) => {
  using deadline = new Deadline(60_000, AbortSignal.abort(new Error('before')))
  t.is(deadline.signal.reason.message, 'before')
})

test('once disposed it never comes', async (t) => {
  const parent = new AbortController()
  const deadline = new Deadline(1, parent.signal)
  deadline[Symbol.dispose]()
  parent.abort()
  await sleep(50)
  t.false(deadline.signal.aborted)
})
