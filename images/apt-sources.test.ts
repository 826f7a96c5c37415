import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import test from 'ava'
import {
  type IndexTarget,
  lineOptions,
  selectSources,
  sourcesFor,
  sourcesText,
  stanzaOptions,
} from './apt-sources.ts'

const debian = { id: 'debian', codename: 'bookworm' }
const mirror = 'http://mirror.example/debian/'
const target = (release: string, more: Partial<IndexTarget> = {}): IndexTarget => ({
  uri: mirror,
  release,
  component: 'main',
  origin: 'Debian',
  sourcesEntry: '/etc/apt/sources.list:1',
  ...more,
})
const bookworm = [
  target('bookworm'),
  target('bookworm', { component: 'contrib' }),
  target('bookworm-updates'),
  target('bookworm-backports'),
  target('bookworm-security', { uri: 'http://mirror.example/security/' }),
  target('nodistro', { uri: 'http://vendor.example/', origin: 'vendor' }),
]
const suitesOf = (...given: Parameters<typeof selectSources>) =>
  selectSources(...given).map(({ source }) => source.suite)

test("the machine's own suite comes with its updates and security, without backports and strangers", (t) => {
  t.deepEqual(suitesOf('bookworm', debian, bookworm), ['bookworm', 'bookworm-updates', 'bookworm-security'])
  t.deepEqual(selectSources('bookworm', debian, bookworm)[0]!.source.components, ['main', 'contrib'])
})

test('another suite is the same archives with another codename', (t) => {
  t.deepEqual(suitesOf('trixie', debian, bookworm), ['trixie', 'trixie-updates', 'trixie-security'])
})

test('a rolling suite has no archives beside it', (t) => {
  t.deepEqual(suitesOf('sid', debian, bookworm), ['sid'])
})

test('before the first update, when no archive says its origin, the host decides', (t) => {
  const fresh = bookworm.map((one) => ({ ...one, origin: '' }))
  t.deepEqual(suitesOf('trixie', debian, fresh), ['trixie', 'trixie-updates', 'trixie-security'])
  t.deepEqual(
    suitesOf('bookworm', { id: 'ubuntu', codename: 'noble' }, [target('noble', { origin: '' })]),
    [],
  )
})

test('a suite that is configured by name wins over one that is guessed', (t) => {
  const both = [target('sid'), ...bookworm]
  t.deepEqual(suitesOf('bookworm', debian, both), ['bookworm', 'bookworm-updates', 'bookworm-security'])
})

test('how an archive is trusted is copied from its source', (t) => {
  const file = [
    '# a comment\nTypes: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates',
    'Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\nCheck-Valid-Until: no\n',
    '\nTypes: deb\nURIs: http://mirror.example/security\nSuites: bookworm-security\nSigned-By:\n -----BEGIN\n .\n abc\n',
  ].join('\n')
  t.deepEqual(stanzaOptions(file, mirror, 'bookworm-updates'), {
    'signed-by': ' /usr/share/keyrings/debian-archive-keyring.gpg'.trim(),
    'check-valid-until': 'no',
  })
  t.regex(
    stanzaOptions(file, 'http://mirror.example/security/', 'bookworm-security')['signed-by']!,
    /BEGIN\n \.\n abc/,
  )
  t.deepEqual(stanzaOptions(file, mirror, 'sid'), {})
  t.deepEqual(lineOptions('deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main'), {
    'signed-by': '/k.gpg',
  })
})

test('sources are written as apt reads them', (t) => {
  const [first] = selectSources('bookworm', debian, bookworm)
  t.is(
    sourcesText([{ ...first!.source, options: { 'signed-by': '/k.gpg' } }]),
    `Types: deb\nURIs: ${mirror}\nSuites: bookworm\nComponents: main contrib\nsigned-by: /k.gpg\n`,
  )
})

test('this machine has archives for a Debian suite, whether apt-get update has run or not', async (t) => {
  const sources = await sourcesFor('bookworm')
  t.true(sources.some(({ suite }) => suite === 'bookworm'))
})

test('a sources file of your own is used in place of the configuration, also for another suite', async (t) => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sources-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 'own.list')
  await writeFile(file, 'deb [signed-by=/k.gpg] http://mirror.example/debian trixie main\n')
  t.deepEqual(await sourcesFor('bookworm', { KEXEC_HARNESS_APT_SOURCES: file }), [
    {
      uri: mirror,
      suite: 'bookworm',
      components: ['main'],
      pocket: false,
      options: { 'signed-by': '/k.gpg' },
    },
  ])
})
