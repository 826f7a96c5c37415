import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import { makeProgram } from './fixtures.ts'
import { readWholePackages } from './whole-packages.ts'

const machines = { x86: 3, x86_64: 62 }

test('files keep their mode, links stay links, and documentation is left out', async (t) => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'whole-'))
  t.teardown(() => rm(root, { recursive: true }))
  const at = (name: string) => path.join(root, name)
  for (const name of ['lib/systemd', 'usr/share/doc/systemd', 'usr/share/man/man8', 'var/log'])
    await mkdir(at(name), { recursive: true, mode: 0o755 })
  const program = makeProgram({
    machine: machines.x86_64,
    interpreter: '/lib64/ld.so',
    needed: ['libc.so.6'],
  })
  await writeFile(at('lib/systemd/systemd'), program)
  await chmod(at('lib/systemd/systemd'), 0o755)
  await writeFile(at('lib/systemd/foreign'), makeProgram({ machine: machines.x86 }))
  await writeFile(at('usr/share/doc/systemd/copyright'), 'words')
  await symlink('/lib/systemd/systemd', at('init'))
  const { entries, binaries } = await readWholePackages(root, 'x86_64')
  t.deepEqual(
    entries.map(({ type, name }) => `${type} ${name}`),
    [
      'link init',
      'folder lib',
      'folder lib/systemd',
      'file lib/systemd/foreign',
      'file lib/systemd/systemd',
      'folder usr',
      'folder usr/share',
      'folder var',
      'folder var/log',
    ],
  )
  t.like(
    entries[0],
    { target: '/lib/systemd/systemd' },
    'as it stands in the package, not where it leads on this host',
  )
  t.like(entries[4], { mode: 0o755, content: program })
  t.deepEqual(
    binaries.map(({ name }) => name),
    ['lib/systemd/systemd'],
    'libraries are looked for what runs on this architecture',
  )
})
