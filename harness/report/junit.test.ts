import { readFileSync } from 'node:fs'
import test from 'ava'
import { XmlDocument, type XmlElement, XsdValidator } from 'libxml2-wasm'
import { buildSummary } from '../journal/summary.ts'
import { JournalBuilder } from '../journal/summary-fixture.ts'
import {
  allRuns,
  crashedRunner,
  deadBoard,
  hostileRun,
  killedRun,
  passedRun,
} from '../journal/summary-runs-fixture.ts'
import { type JunitOptions, junitXml } from './junit.ts'

const xsd = XmlDocument.fromBuffer(readFileSync(new URL('fixtures/jenkins-junit.xsd', import.meta.url)))
const validator = XsdValidator.fromDoc(xsd)

function parsed(events: Parameters<typeof buildSummary>[0], options?: JunitOptions): XmlDocument {
  return XmlDocument.fromString(junitXml(buildSummary(events), options))
}

function texts(document: XmlDocument, xpath: string): string[] {
  return document.find(xpath).map((node) => node.content)
}

function caseNamed(document: XmlDocument, name: string): XmlElement {
  return document.get(`//testcase[@name="${name}"]`) as XmlElement
}

// The schema is older than Surefire's retry elements, which newer ones of Jenkins have; they are checked below.
function validate(xml: string): void {
  using document = XmlDocument.fromString(xml.replace(/<(flaky|rerun)Failure[\s\S]*?<\/\1Failure>/g, ''))
  validator.validate(document)
}

for (const [name, run] of Object.entries(allRuns)) {
  test(`${name}: valid against Jenkins' XSD wherever the run was cut`, (t) => {
    const events = run()
    const step = Math.max(1, Math.floor(events.length / 40))
    for (let length = 0; length < events.length; length += step)
      validate(junitXml(buildSummary(events.slice(0, length))))
    validate(junitXml(buildSummary(events)))
    t.pass()
  })

  test(`${name}: totals are those of the cases, names are unique, every case has a time`, (t) => {
    using document = parsed(run())
    const count = (xpath: string) => String(document.find(xpath).length)
    const root = (attribute: string) => texts(document, `/testsuites/@${attribute}`)[0]
    t.deepEqual(
      ['tests', 'failures', 'errors'].map(root),
      ['//testcase', '//testcase/failure', '//testcase/error'].map(count),
    )
    for (const suite of document.find('//testsuite') as XmlElement[]) {
      t.is(suite.attr('tests')?.value, String(suite.find('testcase').length))
      t.is(suite.attr('skipped')?.value, String(suite.find('testcase/skipped').length))
    }
    const names = document
      .find('//testcase')
      .map(
        (node) =>
          `${(node as XmlElement).attr('classname')?.value} ${(node as XmlElement).attr('name')?.value}`,
      )
    t.is(new Set(names).size, names.length)
    t.is(count('//testcase[not(@time)]'), '0')
    t.is(count('//testcase[count(system-out) > 1]'), '0')
  })
}

test('the validator is no rubber stamp', (t) => {
  t.throws(() =>
    validate(
      '<testsuites><testsuite name="x" tests="1"><testcase id="1" name="y"/></testsuite></testsuites>',
    ),
  )
})

test('a suite for each board and suite, with properties and the median gap', (t) => {
  using document = parsed(passedRun())
  t.deepEqual(texts(document, '//testsuite/@name'), ['kexec.qemu-aarch64.timing', 'kexec.qemu-x86_64.smoke'])
  t.deepEqual(texts(document, '//testcase/@classname'), [
    'kexec.qemu-aarch64.timing',
    'kexec.qemu-aarch64.timing',
    'kexec.qemu-x86_64.smoke',
  ])
  const property = (name: string) =>
    texts(document, `//testsuite[1]/properties/property[@name="${name}"]/@value`)[0]
  t.is(property('arch'), 'arm64')
  t.is(property('kernel'), '6.1.0-37-cloud-arm64')
  t.is(property('loader'), 'kexec_load, kexec_load --no-checks')
  t.is(texts(document, '//testsuite[1]/@timestamp')[0], '2026-11-21T02:14:11')
  const output = caseNamed(document, 'unchecked loads').get('system-out')?.content ?? ''
  t.true(output.startsWith('[[ATTACHMENT|console/qemu-aarch64.log]]\n'))
  t.true(output.includes('\n[[PROPERTY|gap_ms=124]]\n'))
})

test('the product at fault is a failure with its diagnosis, the lab at fault an error', (t) => {
  using document = parsed(hostileRun())
  const failure = caseNamed(document, 'hangs').get('failure') as XmlElement
  t.is(failure.attr('type')?.value, 'KexecFailure')
  t.true(failure.content.includes('psci: CPU5 killed'))
  t.true(failure.content.includes('CPU') && failure.content.includes('registers:'))
  t.is((caseNamed(document, 'never comes good').get('error') as XmlElement).attr('type')?.value, 'LabError')
})

test('hostile console text is visible and harmless', (t) => {
  const xml = junitXml(buildSummary(hostileRun(), {}), {
    consoleExcerpt: () => '\x1b[31m]]> \0 [[ATTACHMENT|/etc/shadow]]',
  })
  validate(xml)
  t.regex(xml, /\\x1b\[2J/)
  t.notRegex(xml, /[\0-\x08\x0b-\x1f\x7f-\x9f]/)
  t.notRegex(xml, /\[\[ATTACHMENT\|\/etc/)
  t.notRegex(xml, /<script/)
})

test('a retried test that came good is flaky, one that did not is rerun; both keep what went wrong', (t) => {
  using document = parsed(hostileRun())
  const good = caseNamed(document, 'comes good')
  t.is(good.find('flakyFailure/stackTrace').length, 1)
  t.is(good.find('failure|error').length, 0)
  t.is(caseNamed(document, 'never comes good').find('rerunFailure/stackTrace').length, 1)
})

test('a skipped test says why', (t) => {
  using document = parsed(hostileRun())
  t.regex(caseNamed(document, 'skips').get('skipped')?.content ?? '', /^no file load/)
})

test('tests that never ran are errors with the standard error of the runner', (t) => {
  using document = parsed(crashedRunner())
  const error = caseNamed(document, 'unchecked loads').get('error') as XmlElement
  t.regex(error.attr('message')?.value ?? '', /did not run on juno/)
  t.regex(error.content, /TypeError: x is not a function/)
})

test('a killed run and a dead board are red', (t) => {
  using killed = parsed(killedRun())
  t.is(killed.find('//error[@type="Interrupted"]').length, 2)
  using dead = parsed(deadBoard())
  t.is(texts(dead, '//testcase[@classname="kexec.juno"]/error/@type')[0], 'BoardError')
  using empty = parsed([])
  t.is(
    texts(empty, '//testcase/error/@message')[0],
    'the run ended without a word (killed, or still going on)',
  )
})

test('names that only differ in what is shown escaped stay apart', (t) => {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'smoke', 'a\x1b').test('juno', 'smoke', 'a\\x1b')
  using document = parsed(journal.end())
  t.deepEqual(texts(document, '//testcase/@name'), ['a\\x1b', 'a\\x1b (2)'])
})

test('what ended the run itself is there beside the tests', (t) => {
  const journal = new JournalBuilder().start(['juno']).open('juno')
  journal.test('juno', 'smoke', 'x', undefined, { verdict: 'failed' })
  using document = parsed(journal.end('error', { failure: { kind: 'lab', message: 'the disk is full' } }))
  t.is(texts(document, '//testcase[@classname="kexec.run"]/error/@message')[0], 'the disk is full')
})
