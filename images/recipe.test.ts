import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import { UsageError } from '../harness/errors.ts'
import { findRecipe, readRecipe, recipeNames } from './recipe.ts'

test('every recipe that the project brings is right', async (t) => {
  const names = await recipeNames()
  t.true(names.includes('bookworm-cloud-amd64') && names.includes('bookworm-cloud-arm64'))
  for (const name of names) t.is((await readRecipe(await findRecipe(name))).name, name)
})

test('a name that is almost right is answered with the right one', async (t) => {
  const error = await t.throwsAsync(findRecipe('bookworm-cloud-arm46'), { instanceOf: UsageError })
  t.regex(error.message, /did you mean "bookworm-cloud-arm64"/)
  t.regex(error.hint!, /bookworm-cloud-amd64/)
})

const mistakes: [string, string, string, RegExp][] = [
  ['an unknown key', 'suite:', 'siute:', /mistake\.yaml:\d+:\d+.*siute/s],
  ['an unknown architecture', 'arch: x86_64', 'arch: amd64', /mistake\.yaml:\d+:\d+.*x86_64/s],
  ['a path that is not absolute', 'path: /sbin/kexec', 'path: sbin/kexec', /mistake\.yaml:\d+:\d+/],
  ['a package name with a space', 'package: kexec-tools', 'package: kexec tools', /mistake\.yaml:\d+:\d+/],
  [
    'an option in place of a package',
    'package: kexec-tools',
    "package: '-oDir::State=/'",
    /mistake\.yaml:\d+:\d+/,
  ],
  ['a whole package with a space', 'modules:', 'packages: [sys temd]\n  modules:', /mistake\.yaml:\d+:\d+/],
  ['a name that is not the file’s', 'name: mistake', 'name: other', /file is called mistake\.yaml/],
]
for (const [title, from, to, message] of mistakes) {
  test(`${title} is refused with its place`, async (t) => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'recipe-'))
    t.teardown(() => rm(folder, { recursive: true }))
    const good = (await readFile(await findRecipe('bookworm-cloud-amd64'), 'utf8')).replace(
      /^name: .*/m,
      'name: mistake',
    )
    const file = path.join(folder, 'mistake.yaml')
    await writeFile(file, good)
    t.is((await readRecipe(file)).name, 'mistake')
    t.true(good.includes(from))
    await writeFile(file, good.replace(from, to))
    await t.throwsAsync(readRecipe(file), { instanceOf: UsageError, message })
  })
}
