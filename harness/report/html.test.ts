import { createHash } from 'node:crypto'
import test from 'ava'
import { XmlDocument, type XmlElement } from 'libxml2-wasm'
import { buildSummary } from '../journal/summary.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'
import {
  allRuns,
  deadBoard,
  diagnosisOf,
  hostileRun,
  hostileText,
  killedRun,
  observedRun,
  passedRun,
} from '../journal/summary-runs-fixture.ts'
import { visible } from './escape.ts'
import { reportHtml } from './html.ts'
import { html } from './safe-html.ts'

// The page is well-formed XML too, so that a parser can tell markup from text.
function parsed(events: Parameters<typeof buildSummary>[0]): XmlDocument {
  return XmlDocument.fromString(reportHtml(buildSummary(events)))
}

const elements = new Set(
  'html head meta title style body header main section h1 h2 h3 p b i code pre span div br ul li details summary table thead tbody tr th td svg rect'.split(
    ' ',
  ),
)

for (const [name, run] of Object.entries(allRuns))
  test(`${name}: well-formed, only harmless elements and attributes, nothing from outside`, (t) => {
    using document = parsed(run())
    const names = new Set(document.find('//*').map((node) => (node as XmlElement).name))
    t.deepEqual(
      [...names].filter((element) => !elements.has(element)),
      [],
    )
    const active = '//@*[starts-with(name(), "on") or name() = "style" or name() = "src" or name() = "href"]'
    t.is(document.find(active).length, 0)
  })

test('console text is there in full, escaped', (t) => {
  using document = parsed(hostileRun())
  const shown = document.find('//pre').map((node) => node.content)
  const line = visible(hostileText)
  t.true(shown.includes(`${line}\npsci: CPU5 killed\n${line}`))
  t.notRegex(reportHtml(buildSummary(hostileRun())), /[\0-\x08\x0b-\x1f\x7f-\x9f]|<script/)
})

test('the policy allows exactly the page’s own style sheet and no scripts', (t) => {
  using document = parsed(passedRun())
  const policy = document.get('//meta[@http-equiv="Content-Security-Policy"]/@content')?.content ?? ''
  const sheet = document.get('//style')?.content ?? ''
  t.true(policy.startsWith("default-src 'none'; style-src 'sha256-"))
  t.true(policy.includes(`'sha256-${createHash('sha256').update(sheet).digest('base64')}'`))
})

test('the overview has a row for each way of loading, with medians', (t) => {
  using document = parsed(passedRun())
  const rows = document
    .find('//main/div[1]//tbody/tr')
    .map((row) => row.find('td').map((cell) => cell.content))
  t.deepEqual(rows[1], [
    'qemu-aarch64',
    '6.1.0-37-cloud-arm64',
    'kexec_load --no-checks',
    '6/6',
    '124 ms',
    '126 ms',
    '900 ms',
    'passed',
  ])
})

test('a cycle’s bar has a part for each phase that took time', (t) => {
  using document = parsed(killedRun())
  const bars = document
    .find('//table[not(@class="waterfall")]//svg')
    .map((bar) => bar.find('rect').map((part) => part.get('@class')?.content))
  t.deepEqual(bars, [
    ['load', 'shutdown', 'gap', 'startup', 'userspace'],
    ['load', 'shutdown', 'gap', 'startup', 'userspace'],
    ['load', 'shutdown', 'gap'],
  ])
})

test('a killed run and a dead board say so', (t) => {
  t.regex(reportHtml(buildSummary(killedRun())), /The journal has no end of this run/)
  t.regex(reportHtml(buildSummary(deadBoard())), /juno did not boot within 180 s/)
})

test('the template escapes whatever is not markup, in text and attributes', (t) => {
  t.is(
    html`<p title="${'"><'}">${'<b>'}${html`<i>${'&'}</i>`}${[1, null, undefined, "'"]}</p>`.markup,
    '<p title="&quot;&gt;&lt;">&lt;b&gt;<i>&amp;</i>1&#39;</p>',
  )
})

test('a diagnosis is shown also where its test passed or is not known', (t) => {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.cycle(['juno', 'smoke', 'lost'], {
    verdict: 'failed',
    diagnosis: diagnosisOf({ summary: 'stray one' }),
  })
  journal.test('juno', 'smoke', 'tolerant', (test) => {
    journal.cycle(test, { verdict: 'failed', diagnosis: diagnosisOf({ summary: 'tolerated one' }) })
  })
  using document = parsed(journal.end())
  t.deepEqual(
    document.find('//summary/b').map((node) => node.content),
    ['tolerated one', 'stray one'],
  )
})

test('of very many last lines the end stays', (t) => {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  const lastLines = Array.from({ length: 10_000 }, (_, index) => `console line ${index}`)
  journal.test('juno', 'smoke', 'x', (test) => {
    journal.cycle(test, { verdict: 'failed', diagnosis: diagnosisOf({ lastLines }) })
  })
  using document = parsed(journal.end())
  t.true(document.find('//pre').some((node) => node.content.endsWith('console line 9999')))
})

test('devices between the kernels are shown, with what still runs', (t) => {
  const page = reportHtml(buildSummary(observedRun()))
  t.regex(page, /1 PCI devices, stopped at purgatory&#39;s entry, the machine stopped for 19/)
  t.regex(page, /<td>e1000e<\/td>\s*<td>off<\/td><td><b>runs<\/b><\/td><td>RCTL.EN is 1<\/td>/)
  t.regex(page, /Reschedule IPIs/)
})
