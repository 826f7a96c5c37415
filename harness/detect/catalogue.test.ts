import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { UsageError } from '../errors.ts'
import { parseYamlFile } from '../yaml.ts'
import { catalogueFiles, loadCatalogue } from './catalogue.ts'
import { catalogueSchema } from './signature.ts'

const good = {
  id: 'own-signature',
  pattern: 'widget \\d+ on fire',
  phases: ['probe'],
  severity: 'error',
  meaning: 'The widget burns.',
  advice: 'Use water.',
  source: 'drivers/widget.c',
  example: 'widget 3 on fire',
}

async function load(t: ExecutionContext, ...signatures: object[]) {
  const folder = await mkdtemp(join(tmpdir(), 'catalogue-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = join(folder, 'own.yaml')
  await writeFile(file, JSON.stringify({ signatures }, null, 2))
  return loadCatalogue([file])
}

async function message(t: ExecutionContext, ...signatures: object[]): Promise<string> {
  const error = await t.throwsAsync(() => load(t, ...signatures), { instanceOf: UsageError })
  return error.message
}

test('adds the signatures of further files, with defaults', async (t) => {
  const own = (await load(t, good)).find(({ id }) => id === 'own-signature')
  t.like(own, { form: 'line', arch: 'any', expected: false, severity: 'error' })
})

test('a broken pattern is an error at its place', async (t) => {
  const text = await message(t, { ...good, pattern: 'widget (on fire' })
  t.regex(
    text,
    /own\.yaml:5:\d+: signatures\[0\]\.pattern: not a regular expression at character 16: Unterminated group/,
  )
})

test('a pattern that backtracks catastrophically is refused', async (t) => {
  const text = await message(t, { ...good, pattern: '(\\w+)+ on fire$', example: 'widget on fire' })
  t.regex(text, /signatures\[0\]\.pattern: backtracks catastrophically/)
  t.regex(
    await message(t, { ...good, form: 'block', until: '(x+x+)+y' }),
    /\.until: backtracks catastrophically/,
  )
})

test('a pattern without fixed characters is refused', async (t) => {
  t.regex(await message(t, { ...good, pattern: 'widget|\\d+' }), /needs 5 or more fixed characters/)
})

test('an example that the pattern does not match is an error', async (t) => {
  t.regex(
    await message(t, { ...good, example: 'widget x on fire' }),
    /example: the pattern does not match this line/,
  )
})

test('a last line without a block is an error', async (t) => {
  t.regex(await message(t, { ...good, until: 'end of fire' }), /only a signature with "form: block"/)
})

test('wrong words get the nearest right one', async (t) => {
  t.regex(await message(t, { ...good, severity: 'eror' }), /did you mean "error"/)
  t.regex(await message(t, { ...good, phases: ['prob'] }), /probe/)
  t.regex(await message(t, { ...good, id: 'Own Signature' }), /kebab-case/)
  t.regex(await message(t, { ...good, advise: 'x' }), /unknown key "advise".*did you mean "advice"/)
})

test('an id that is used twice is an error', async (t) => {
  t.regex(await message(t, good, good), /own-signature is used twice/)
  t.regex(await message(t, { ...good, id: 'kernel-panic' }), /kernel-panic is used also in .*own\.yaml/)
})

for (const file of catalogueFiles)
  test(`no pattern of ours backtracks catastrophically: ${basename(file)}`, async (t) => {
    await t.notThrowsAsync(parseYamlFile(file, catalogueSchema(true)))
  })
