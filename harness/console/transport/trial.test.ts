import test from 'ava'
import { Ear } from './loopback-fixture.ts'
import { Trial } from './trial.ts'

const never = new AbortController().signal

test('a connection that ends at once has not connected: what it said is kept for the error', async (t) => {
  const ear = new Ear()
  const trial = new Trial(ear)
  trial.bytes(Buffer.from('Port already\r\n in use\r\n\x1b'), 1n)
  trial.ended('hung up')
  t.is(await trial.endsSoon(never), 'hung up')
  t.is(trial.said, 'Port already in use')
  t.is(ear.text, '')
  t.is(ear.end, undefined)
})

test('one that lasts hands on what came meanwhile, with its stamps, and all that follows', async (t) => {
  const ear = new Ear()
  const trial = new Trial(ear)
  trial.bytes(Buffer.from('log'), 1n)
  t.is(await trial.endsSoon(never), undefined)
  trial.bytes(Buffer.from('in: '), 2n)
  trial.ended('unplugged')
  t.is(ear.text, 'login: ')
  t.deepEqual(ear.stampsNs, [1n, 2n])
  t.is(ear.end, 'unplugged')
})

test('the wait for it ends with the signal', async (t) => {
  const stop = new AbortController()
  const waiting = new Trial(new Ear()).endsSoon(stop.signal)
  stop.abort(new Error('stopped'))
  await t.throwsAsync(waiting, { message: 'stopped' })
})
