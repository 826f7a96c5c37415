import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { execa } from 'execa'
import { LabError } from '../errors.ts'
import { holderOf, takeLock } from './lock.ts'

async function folderFor(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'lock-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  return folder
}

test('a board has one holder, and the next is told who', async (t) => {
  const folder = await folderFor(t)
  t.is(await holderOf('juno', folder), undefined)
  const lock = await takeLock('juno', 'test --board juno', folder)
  t.like(await holderOf('juno', folder), { pid: process.pid, command: 'test --board juno' })
  const error = await t.throwsAsync(takeLock('juno', 'another', folder), { instanceOf: LabError })
  t.regex(
    error!.message,
    new RegExp(`^juno is in use by .+ \\(pid ${process.pid} on .+\\) since 20.+Z: test --board juno$`),
  )
  using _other = await takeLock('rpi4', 'test', folder)
  lock[Symbol.dispose]()
  t.is(await holderOf('juno', folder), undefined)
  using _again = await takeLock('juno', 'another', folder)
})

test('the death of its holder releases a board', async (t) => {
  const folder = await folderFor(t)
  const module = fileURLToPath(new URL('./lock.ts', import.meta.url))
  const code = `import(${JSON.stringify(module)}).then(async (m) => {
    await m.takeLock('juno', 'to be killed', ${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1000) })`
  const child = execa(process.execPath, ['-e', code], { reject: false, buffer: false })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  t.like(await holderOf('juno', folder), { pid: child.pid, command: 'to be killed' })
  child.kill('SIGKILL')
  await child
  t.is(await holderOf('juno', folder), undefined)
  using _lock = await takeLock('juno', 'next', folder)
})

test('a note that is damaged hides nobody', async (t) => {
  const folder = await folderFor(t)
  using _lock = await takeLock('juno', 'test', folder)
  await writeFile(path.join(folder, 'kexec-harness-juno.lock'), '{"user": "\u001b[2J')
  t.is(await holderOf('juno', folder), null)
  const error = await t.throwsAsync(takeLock('juno', 'another', folder))
  t.is(error!.message, 'juno is in use by somebody who left no note')
})
