/** A minimal board descriptor and its mistakes, for the tests. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ExecutionContext } from 'ava'
import { UsageError } from '../errors.ts'
import { loadDescriptor } from './descriptor.ts'

export const minimal = [
  'name: mine',
  'arch: x86_64',
  'console: { type: qemu }',
  'power: { type: qemu }',
  'machine: { type: q35 }',
  'image: bookworm-cloud-amd64',
  '',
].join('\n')

/** A folder with this descriptor in it, which goes with the test. */
export async function folderWith(t: ExecutionContext, text: string, name = 'mine.yaml'): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'descriptor-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await writeFile(path.join(folder, name), text)
  return folder
}

/** What is said of a wrong descriptor, without the folder's path. */
export async function errorOf(t: ExecutionContext, text: string): Promise<string> {
  const folder = await folderWith(t, text)
  const error = await t.throwsAsync(loadDescriptor('mine', folder), { instanceOf: UsageError })
  return error?.message.replaceAll(`${folder}/`, '') ?? ''
}
