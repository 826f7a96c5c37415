import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import test from 'ava'
import { z } from 'zod'
import { UsageError } from './errors.ts'
import { parseYaml, parseYamlFile } from './yaml.ts'

const schema = z
  .strictObject({
    name: z.string(),
    arch: z.enum(['x86_64', 'arm64']),
    console: z.discriminatedUnion('type', [
      z.strictObject({ type: z.literal('qemu') }),
      z.strictObject({
        type: z.literal('serial'),
        path: z.string(),
        baud: z.number().int().min(50).optional(),
      }),
    ]),
    image: z.union([z.string(), z.strictObject({ kernel: z.string() })]).optional(),
    early: z.boolean().default(true),
    options: z.record(z.string().regex(/^[a-z]+$/), z.number()).optional(),
    limit: z
      .union([z.number(), z.string().regex(/^\d+s$/)])
      .meta({ title: 'a duration', examples: ['5s'] })
      .optional(),
    stages: z.array(z.strictObject({ prompt: z.string() })).default([]),
  })
  .meta({ title: 'board' })

const good = 'name: q\narch: arm64\nconsole: { type: qemu }\n'

function errorOf(text: string, checked: z.ZodType = schema): string {
  try {
    parseYaml(text, 'boards/x.yaml', checked)
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  throw new Error('parsed')
}

test('a good text becomes what the schema makes of it', (t) => {
  t.deepEqual(parseYaml(good, 'x.yaml', schema), {
    name: 'q',
    arch: 'arm64',
    console: { type: 'qemu' },
    early: true,
    stages: [],
  })
})

test('a byte order mark and CR LF line ends are no mistake', (t) => {
  t.is(parseYaml(`\ufeff${good.replaceAll('\n', '\r\n')}`, 'x.yaml', schema).name, 'q')
})

test('an unknown key is shown at its place with the nearest right one', (t) => {
  t.is(
    errorOf(`${good}erly: true\n`),
    [
      'boards/x.yaml:4:1: unknown key "erly" in board; did you mean "early"?',
      '  4 | erly: true',
      '    | ^^^^',
    ].join('\n'),
  )
})

test('an unknown key that resembles nothing is told what there is', (t) => {
  t.regex(
    errorOf('console: { type: qemu, speed: 3 }'),
    /:1:24: unknown key "speed" in console; it takes type\n/,
  )
})

test('a misspelt required key is reported as missing and as unknown', (t) => {
  const message = errorOf(good.replace('console', 'consol'))
  t.regex(
    message,
    /^boards\/x\.yaml:1:1: missing key "console" in board; it takes a mapping whose "type" is "qemu" or "serial"$/m,
  )
  t.regex(message, /^boards\/x\.yaml:3:1: unknown key "consol" in board; did you mean "console"\?$/m)
})

test('a wrong word shows the choices and the nearest', (t) => {
  t.is(
    errorOf(good.replace('arm64', 'arm46')),
    [
      'boards/x.yaml:2:7: arch: found "arm46" (string), expected "x86_64" or "arm64"; did you mean "arm64"?',
      '  2 | arch: arm46',
      '    |       ^^^^^',
    ].join('\n'),
  )
})

test('a wrong discriminator shows the kinds there are', (t) => {
  t.regex(
    errorOf(good.replace('qemu', 'qmeu')),
    /:3:18: console\.type: found "qmeu" \(string\), expected "qemu" or "serial"; did you mean "qemu"\?/,
  )
})

test('what is wrong inside a kind is told for that kind only', (t) => {
  const message = errorOf(good.replace('{ type: qemu }', '{ type: serial, baud: 3 }'))
  t.regex(message, /:3:1: missing key "path" in console; it takes a string$/m)
  t.regex(message, /:3:32: console\.baud: found 3 \(number\), expected a whole number, at least 50$/m)
})

const wrongTypes: [string, RegExp][] = [
  ['early: yes', /:4:8: early: found "yes" \(string\), expected true or false$/m],
  ['image: 3', /:4:8: image: found 3 \(number\), expected a string or a mapping with the keys kernel$/m],
  ['image: { kernel: 3 }', /:4:18: image\.kernel: found 3 \(number\), expected a string$/m],
  ['limit: 5x', /:4:8: limit: found "5x" \(string\), expected a duration such as "5s"$/m],
  ['limit: [1, 2]', /:4:8: limit: found a list of 2, expected a duration such as "5s"$/m],
  ['stages: { a: 1 }', /:4:9: stages: found a mapping with "a", expected a list/],
  [
    'stages: [{ prompt: x }, 4]',
    /:4:25: stages\[1\]: found 4 \(number\), expected a mapping with the keys prompt$/m,
  ],
  ['stages:\n  - promp: x', /:5:5: missing key "prompt" in stages\[0\]; it takes a string$/m],
  ['early:', /:4:1: early: found nothing \(null\), expected true or false$/m],
  ['options: { A: 1 }', /options\.A: this key is not allowed/],
  ['options: { a: x }', /:4:15: options\.a: found "x" \(string\), expected a number$/m],
]
for (const [line, expected] of wrongTypes) {
  test(`${line.replaceAll('\n', ' ')} says what was found and what is expected`, (t) => {
    t.regex(errorOf(`${good}${line}\n`), expected)
  })
}

test("a schema's own check is shown at the place it names", (t) => {
  const checked = z.strictObject({ a: z.number(), b: z.number() }).superRefine((value, context) => {
    if (value.a > value.b) context.addIssue({ code: 'custom', path: ['b'], message: 'must not be below a' })
  })
  t.regex(errorOf('a: 2\nb: 1\n', checked), /^boards\/x\.yaml:2:4: b: must not be below a$/m)
})

test('a mistake behind an alias is shown where it is written', (t) => {
  const text = 'console: &c { type: serial, path: 3 }\nname: q\narch: arm64\nstages: [*c]\n'
  t.regex(errorOf(text), /:1:35: console\.path: found 3/)
})

const brokenTexts: [string, string, RegExp][] = [
  ['a tab', 'name: q\n\tarch: arm64\n', /:2:1: a tab used for indentation/],
  ['a duplicate key', `${good}name: r\n`, /:4:1: this key is given twice/],
  ['bad indentation', 'name: q\n  arch: arm64\n', /:1:7: two keys in one/],
  ['an unclosed quote', 'name: "q\n', /:\d+:\d+: not valid YAML: .*quote/],
  ['a second document', 'name: q\n---\nname: r\n', /:2:1: a second document starts here/],
  ['an unknown tag', 'name: !!js/function x\n', /:1:7: not valid YAML: Unresolved tag/],
  ['an alias without anchor', 'name: *nobody\n', /:1:7: no anchor &nobody stands before this alias/],
  [
    'a crowd of aliases',
    `a: &a 1\nb: [${Array(5000).fill('*a').join(', ')}]\n`,
    /:2:\d+: more than 200 aliases/,
  ],
  ['an alias inside its anchor', 'name: &a [*a]\n', /an alias \(\*name\) stands inside its own anchor/],
  ['an empty file', '', /^boards\/x\.yaml: is empty$/],
  ['a file of comments', '# nothing\n', /^boards\/x\.yaml: is empty$/],
  [
    'a single word',
    'hello\n',
    /:1:1: board: found "hello" \(string\), expected a mapping with the keys name, /,
  ],
  ['endless nesting', '['.repeat(200_000), /^boards\/x\.yaml: nested too deeply$/],
  ['a text above 1 MiB', 'a'.repeat(1024 * 1024 + 1), /more than the 1048576 that are read/],
]
for (const [what, text, expected] of brokenTexts) {
  test(`${what} is a usage error`, (t) => t.regex(errorOf(text), expected))
}

test('an alias bomb is refused', (t) => {
  const level = (name: string, below: string) =>
    `${name}: &${name} [${Array(10).fill(`*${below}`).join(', ')}]\n`
  const bomb = `a: &a [${Array(10).fill('x').join(', ')}]\n${level('b', 'a')}${level('c', 'b')}${level('d', 'c')}`
  t.regex(errorOf(bomb), /its aliases \(\*name\) can't be followed: Excessive alias count/)
})

test('at most ten problems are shown, and the rest counted', (t) => {
  const keys = Array.from({ length: 15 }, (_, index) => `unheard${index}: 1\n`).join('')
  const message = errorOf(`${good}${keys}`)
  t.is(message.match(/unknown key/g)?.length, 10)
  t.true(message.endsWith('… and 5 more problems'))
})

test('control characters of the file never reach the terminal', (t) => {
  const message = errorOf('name: "\\e[31m"\narch: a\u001b[31m\n"k\\a": 1\n')
  t.notRegex(message, /[\u0000-\u0009\u000b-\u001f]/)
})

test('a long line is cut around the place', (t) => {
  const message = errorOf(`{ name: ${'q'.repeat(5000)}, arch: arm64, console: { type: nope } }`)
  const [, line = '', caret = ''] = message.split('\n')
  t.true(line.length < 130)
  t.is(line.slice(caret.indexOf('^'), caret.lastIndexOf('^') + 1), 'nope')
})

test('a key named __proto__ changes no prototype', (t) => {
  t.regex(errorOf(`${good}__proto__: { polluted: 1 }\n`), /:4:1: unknown key "__proto__"/)
  t.is(({} as { polluted?: number }).polluted, undefined)
})

test('files are read, and each way of failing says what to do', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'yaml-test-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = (name: string) => path.join(folder, name)
  await writeFile(file('juno.yaml'), good)
  await writeFile(file('latin.yaml'), Buffer.from('name: q\nwhy: caf\xe9\n', 'latin1'))
  await writeFile(file('huge.yaml'), Buffer.alloc(1024 * 1024 + 1, 'a'))

  t.is((await parseYamlFile(file('juno.yaml'), schema)).name, 'q')
  const read = (name: string) => t.throwsAsync(parseYamlFile(file(name), schema), { instanceOf: UsageError })
  const missing = await read('jnuo.yaml')
  t.regex(missing?.message ?? '', /jnuo\.yaml: no such file; did you mean "juno\.yaml"\?$/)
  t.regex(missing?.hint ?? '', /huge\.yaml, juno\.yaml, latin\.yaml$/)
  t.regex((await read('nowhere/a.yaml'))?.message ?? '', /nor is there a folder .*nowhere$/)
  t.regex((await read('.'))?.message ?? '', /is a folder, expected a YAML file$/)
  t.regex((await read('latin.yaml'))?.message ?? '', /latin\.yaml:2: is not UTF-8 text/)
  t.regex((await read('huge.yaml'))?.message ?? '', /is 1048577 bytes, more than/)
  await t.throwsAsync(parseYamlFile('/dev/zero', schema), { message: /is not a regular file/ })
})
