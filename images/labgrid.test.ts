import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { findInstalled } from './labgrid.ts'

/** A folder with simulated programs, as PATH names it. */
async function installed(t: ExecutionContext, programs: Record<string, string>): Promise<{ PATH: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'labgrid-'))
  t.teardown(() => rm(folder, { recursive: true }))
  for (const [name, help] of Object.entries(programs)) {
    await writeFile(path.join(folder, name), `#!/bin/sh\necho '${help}'\n`)
    await chmod(path.join(folder, name), 0o755)
  }
  return { PATH: folder }
}

// The option that tells them apart, of labgrid 26.0 and of 0.4.1.
const recent = '  -x, --coordinator ADDRESS'
const old = '  -x URL, --crossbar URL'

test('an installed labgrid that speaks gRPC is used', async (t) => {
  const env = await installed(t, { 'labgrid-client': recent, 'labgrid-exporter': '' })
  t.is(await findInstalled('labgrid-client', env), path.join(env.PATH, 'labgrid-client'))
  t.is(await findInstalled('labgrid-exporter', env), path.join(env.PATH, 'labgrid-exporter'))
})

test('one that is too old, incomplete, or not wanted is not', async (t) => {
  const outdated = await installed(t, { 'labgrid-client': old })
  t.is(await findInstalled('labgrid-client', outdated), undefined)
  const client = await installed(t, { 'labgrid-client': recent })
  t.is(await findInstalled('labgrid-coordinator', client), undefined)
  const ignored = { ...client, KEXEC_HARNESS_IGNORE_INSTALLED: 'labgrid-client' }
  t.is(await findInstalled('labgrid-client', ignored), undefined)
})
