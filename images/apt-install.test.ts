import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'ava'
import { installPackages } from './apt-install.ts'

/** Stands for apt-get and dpkg, which a test can't break for real: apt refuses until dpkg has configured. */
const stub = `#!/bin/sh
here=$(dirname "$0")
echo "$(basename "$0") $*" >> "$here/calls"
case $0 in
*/dpkg) touch "$here/configured" ;;
*) [ -e "$here/configured" ] || { echo "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. " >&2; exit 100; } ;;
esac
`

test.serial('an installation that was killed half way is finished, and the next one goes on', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'kexec-apt-'))
  const before = process.env.PATH
  t.teardown(async () => {
    process.env.PATH = before
    await rm(folder, { recursive: true })
  })
  for (const name of ['apt-get', 'dpkg']) {
    await writeFile(path.join(folder, name), stub)
    await chmod(path.join(folder, name), 0o755)
  }
  process.env.PATH = `${folder}:${before}`
  const said: string[] = []
  t.is(await installPackages(['ipmitool'], { progress: (line) => said.push(line) }), undefined)
  const calls = (await readFile(path.join(folder, 'calls'), 'utf8')).trim().split('\n')
  const relevant = calls
    .filter((call) => !call.endsWith(' update'))
    .map((call) => call.replace(/ -o \S+/g, ''))
  t.deepEqual(relevant, [
    'apt-get install -y --no-install-recommends ipmitool',
    'dpkg --configure -a',
    'apt-get install -y --no-install-recommends ipmitool',
  ])
  t.true(said.includes('dpkg --configure -a'))
})
