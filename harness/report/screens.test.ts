import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { XmlDocument } from 'libxml2-wasm'
import { parseEvent } from '../journal/journal.ts'
import { buildSummary } from '../journal/summary.ts'
import { runSummarySchema } from '../journal/summary-schema.ts'
import { reportHtml } from './html.ts'
import { junitXml } from './junit.ts'
import { runWithScreens, snapshotOf } from './screen-fixture.ts'
import { writeReports } from './write.ts'

const menu =
  '\x1b[HPetitboot\x1b[3;1H   A\x1b[4;1H\x1b[7m * B ]]> <b>\x1b[0m\x1b[6;1H\x1b[38;5;9mError: kexec load failed'

function failureText(xml: string): string {
  using document = XmlDocument.fromString(xml)
  return document.get('//testcase/failure|//testcase/error')?.content ?? ''
}

test('JUnit shows the screen below the message, with the selected row marked', async (t) => {
  const xml = junitXml(buildSummary(runWithScreens([await snapshotOf(menu)])))
  t.true(
    failureText(xml).startsWith(
      [
        'no entry "B"',
        '',
        'What the screen showed (the menu), ">" before a row in reverse video:',
        '  | Petitboot',
        '  |',
        '  |    A',
        '  >  * B ]]> <b>',
        '  |',
        '  | Error: kexec load failed',
      ].join('\n'),
    ),
    failureText(xml),
  )
  t.true(xml.includes('[[ATTACHMENT|screens/qemu-x86_64-1.png]]'))
  t.true(xml.indexOf('screens/qemu') < xml.indexOf('console/qemu'))
})

test('the newest screen comes first', async (t) => {
  const screens = [await snapshotOf('before'), await snapshotOf('between'), await snapshotOf('after')]
  const text = failureText(junitXml(buildSummary(runWithScreens(screens))))
  t.deepEqual(text.match(/\| (?:before|between|after)/g), ['| after', '| between'])
})

test('a screen that the message shows already is not shown twice', async (t) => {
  const snapshot = await snapshotOf('only this')
  const summary = buildSummary(
    runWithScreens([snapshot], { message: 'no menu; the screen shows:\nonly this' }),
  )
  // The fixture's own dot in the last row keeps the texts apart.
  t.true(failureText(junitXml(summary)).includes('What the screen showed'))
  const shown = summary.boards[0]!.tests[0]!.screens[0]!.text
  const same = buildSummary(runWithScreens([snapshot], { message: `no menu; the screen shows:\n${shown}` }))
  t.false(failureText(junitXml(same)).includes('What the screen showed'))
})

test('the page shows a failed test’s screen as a picture and as text, and nothing can get out of either', async (t) => {
  const title = '"/><script>alert(1)</script>'
  const page = reportHtml(buildSummary(runWithScreens([await snapshotOf(menu)], { title })))
  t.regex(page, /<img class="screen" alt="[^"]*" src="data:image\/png;base64,iVBORw0KGgo[A-Za-z0-9+/=]+"\/>/)
  t.true(page.includes('&gt;  * B ]]&gt; &lt;b&gt;'))
  t.notRegex(page, /<script|<b>A/)
  t.true(page.includes('img-src data:;'))
})

test('screens of a test that passed are there, folded, without pictures in the page', async (t) => {
  const page = reportHtml(buildSummary(runWithScreens([await snapshotOf(menu)], { verdict: 'passed' })))
  t.notRegex(page, /<img/)
  t.regex(page, /<details><summary>Screens of the tests that passed<\/summary>[\s\S]*Petitboot/)
})

test('control characters in a journal’s screen are shown, never sent', (t) => {
  const span = { text: '\x1b[2J\0]]>\u202e', inverse: false, bold: false, foreground: null, background: null }
  const snapshot = { columns: 80, rows: [{ spans: [span] }], cursor: { row: 0, column: 0 } }
  const summary = buildSummary(runWithScreens([snapshot]))
  for (const report of [junitXml(summary), reportHtml(summary)])
    t.notRegex(report, /[\0-\x08\x0b-\x1f\u202e]/)
  t.true(failureText(junitXml(summary)).includes('\\x1b[2J\\x00]]>\\u202e'))
})

test('of a thousand screens the last ones are kept, and the reports stay small', async (t) => {
  const snapshot = await snapshotOf(Array.from({ length: 24 }, () => 'x'.repeat(80)).join(''))
  const summary = buildSummary(runWithScreens(Array(1000).fill(snapshot)))
  t.deepEqual(
    summary.boards[0]!.tests[0]!.screens.map(({ file }) => file),
    Array.from({ length: 10 }, (_, index) => `screens/qemu-x86_64-${991 + index}.png`),
  )
  t.true(reportHtml(summary).length < 1_000_000)
  t.true(junitXml(summary).length < 100_000)
})

test('a snapshot beyond all measure is no event', async (t) => {
  const [screen] = runWithScreens([await snapshotOf(menu)]).filter(({ type }) => type === 'screen')
  t.truthy(parseEvent(JSON.stringify(screen)))
  for (const change of [
    { columns: 1e9 },
    { rows: Array(501).fill({ spans: [] }) },
    { rows: [{ spans: [{ text: '', inverse: false, bold: false, foreground: 'red', background: null }] }] },
    {
      rows: [
        { spans: [{ text: 'x'.repeat(1e6), inverse: false, bold: false, foreground: 1, background: 1 }] },
      ],
    },
  ])
    t.is(
      parseEvent(
        JSON.stringify({ ...screen, snapshot: { ...(screen as { snapshot: object }).snapshot, ...change } }),
      ),
      undefined,
    )
})

test('the pictures are files in the run’s folder, too, and run.json names them', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kexec-harness-screens-'))
  try {
    const { errors, summary } = await writeReports(folder, runWithScreens([await snapshotOf(menu)]))
    t.deepEqual(errors, [])
    t.deepEqual(await readdir(join(folder, 'screens')), ['qemu-x86_64-1.png'])
    const run = runSummarySchema.parse(JSON.parse(await readFile(join(folder, 'run.json'), 'utf8')))
    t.is(run.boards[0]!.tests[0]!.screens[0]!.file, 'screens/qemu-x86_64-1.png')
    t.is(summary.verdict, run.verdict)
  } finally {
    await rm(folder, { recursive: true })
  }
})
