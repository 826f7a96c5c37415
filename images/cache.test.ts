import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import test from 'ava'
import { execa } from 'execa'
import { LabError } from '../harness/errors.ts'
import {
  cacheError,
  defaultCacheFolder,
  mustHaveRoom,
  publishFile,
  publishFolder,
  withLock,
} from './cache.ts'

async function temporaryCache(t: { teardown: (run: () => Promise<void>) => void }): Promise<string> {
  const cache = await mkdtemp(path.join(os.tmpdir(), 'cache-'))
  t.teardown(() => rm(cache, { recursive: true, force: true }))
  return cache
}

test('a folder that a builder did not finish is not there, and nothing is left of it', async (t) => {
  const cache = await temporaryCache(t)
  const folder = path.join(cache, 'images/one')
  await t.throwsAsync(
    publishFolder(cache, folder, async (temporary) => {
      await writeFile(path.join(temporary, 'half'), '')
      throw new Error('interrupted')
    }),
    { message: 'interrupted' },
  )
  t.deepEqual(await readdir(path.join(cache, 'tmp')), [])
  await publishFolder(cache, folder, (temporary) => writeFile(path.join(temporary, 'whole'), ''))
  await publishFolder(cache, folder, () => Promise.reject(new Error('is there already')))
  t.deepEqual(await readdir(folder), ['whole'])
})

test('a file is replaced as a whole', async (t) => {
  const cache = await temporaryCache(t)
  const file = path.join(cache, 'recipes/one.json')
  await publishFile(file, 'first')
  await publishFile(file, 'second')
  t.is(await readFile(file, 'utf8'), 'second')
  t.deepEqual(await readdir(path.dirname(file)), ['one.json'])
})

test('two builders of the same work one after the other', async (t) => {
  const cache = await temporaryCache(t)
  const order: string[] = []
  const build = (name: string) =>
    withLock(cache, 'image', {}, async () => {
      order.push(`${name} in`)
      await sleep(20)
      order.push(`${name} out`)
    })
  await Promise.all([build('a'), build('b')])
  t.deepEqual(
    order.map((entry) => entry.split(' ')[1]),
    ['in', 'out', 'in', 'out'],
  )
})

test('the lock of a builder that was killed is taken over; one that lives is waited for', async (t) => {
  const cache = await temporaryCache(t)
  const code = `import { withLock } from ${JSON.stringify(path.join(import.meta.dirname, 'cache.ts'))}
await withLock(${JSON.stringify(cache)}, 'image', {}, () => { console.log('held'); return new Promise((r) => setTimeout(r, 1e6)) })`
  const holder = execa(process.execPath, ['--input-type=module', '-e', code], { reject: false })
  await new Promise((resolve) => holder.stdout.once('data', resolve))
  const said = Promise.withResolvers<string>()
  const waiting = withLock(cache, 'image', { progress: (text) => said.resolve(text) }, () =>
    Promise.resolve('built'),
  )
  t.regex(await said.promise, new RegExp(`wait for process ${holder.pid} `))
  holder.kill('SIGKILL')
  t.is(await waiting, 'built')
  await holder
})

test('waiting for a lock ends with the signal', async (t) => {
  const cache = await temporaryCache(t)
  await withLock(cache, 'image', {}, async () => {
    const controller = new AbortController()
    const waiting = withLock(
      cache,
      'image',
      { signal: controller.signal, progress: () => controller.abort() },
      () => Promise.resolve(),
    )
    await t.throwsAsync(waiting, { name: 'AbortError' })
  })
})

test('a full or closed disk is an error that says what to do', async (t) => {
  const cache = await temporaryCache(t)
  for (const code of ['ENOSPC', 'EACCES']) {
    const error = cacheError(cache, Object.assign(new Error(code), { code })) as LabError
    t.true(error instanceof LabError)
    t.regex(error.hint!, /KEXEC_HARNESS_CACHE/)
  }
  await t.throwsAsync(mustHaveRoom(cache, 1e18), { instanceOf: LabError, message: /no space left/ })
  await mkdir(path.join(cache, 'room'))
  await t.notThrowsAsync(mustHaveRoom(cache, 1))
})

test('the cache is where the environment says', (t) => {
  t.is(defaultCacheFolder({ KEXEC_HARNESS_CACHE: '/a' }), '/a')
  t.is(defaultCacheFolder({ XDG_CACHE_HOME: '/b' }), '/b/kexec-harness')
  t.is(defaultCacheFolder({ XDG_CACHE_HOME: 'relative' }), path.join(os.homedir(), '.cache/kexec-harness'))
})
