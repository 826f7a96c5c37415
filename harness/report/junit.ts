/**
 * JUnit XML as Jenkins, GitLab and the Surefire readers take it, valid against Jenkins' XSD. That XSD has no properties on
 * a test case, so they are on the suite, and as `[[PROPERTY|name=value]]` lines in each case's system-out.
 */
import { create } from 'xmlbuilder2'
import type { XMLBuilder } from 'xmlbuilder2/lib/interfaces.js'
import type { BoardSummary, CycleSummary, RunSummary, TestSummary } from '../journal/summary-schema.ts'
import { classify } from '../journal/summary-verdict.ts'
import {
  caseOutput,
  failureBody,
  firstLine,
  junitText,
  suiteProperties,
  junitLine as text,
} from './junit-text.ts'
import { cyclesOf, isRed, kindNames, messageOf } from './problems.ts'

export type JunitOptions = {
  /** Console text of a test, beside what the journal has of it. */
  consoleExcerpt?: (board: string, test: TestSummary) => string | undefined
}

/** `body`, and the `stack` and `output` of a case, are safe already. */
type Problem = { element: 'failure' | 'error'; type: string; message: string; body: string }

type Case = {
  name: string
  seconds: number
  skipped?: string | undefined
  problem?: Problem | undefined
  retries?: { element: 'flakyFailure' | 'rerunFailure'; type: string; message: string; stack: string }[]
  output?: string
}

type Suite = {
  name: string
  hostname?: string
  startedAt: string | null
  properties: [string, string][]
  cases: Case[]
}

/** The whole run as one JUnit document. Pure; text from consoles is made safe and visible. */
export function junitXml(summary: RunSummary, options: JunitOptions = {}): string {
  const suites = summary.boards.flatMap((board) => boardSuites(summary, board, options))
  const failing = suites.some(({ cases }) => cases.some(({ problem }) => problem))
  // A red run must not have a green file.
  if (summary.failure || (summary.verdict !== 'passed' && !failing)) suites.push(runSuite(summary))
  const root = create({ version: '1.0', encoding: 'UTF-8' }).ele('testsuites', {
    name: text(`kexec-harness ${summary.run}`),
    ...totals(
      suites.flatMap(({ cases }) => cases),
      ['tests', 'failures', 'errors', 'time'],
    ),
  })
  for (const suite of suites) addSuite(root, suite)
  return `${root.end({ prettyPrint: true })}\n`
}

function boardSuites(summary: RunSummary, board: BoardSummary, options: JunitOptions): Suite[] {
  const suites = [...Map.groupBy(board.tests, ({ suite }) => suite)].map(([suite, tests]) => {
    const cycles = board.cycles.filter((cycle) => cycle.suite === suite)
    const cases = uniqueNames(tests.map((test) => caseOf(board, test, options)))
    return {
      name: `kexec.${board.name}.${suite}`,
      hostname: board.name,
      startedAt: tests.find(({ startedAt }) => startedAt !== null)?.startedAt ?? summary.startedAt,
      properties: suiteProperties(board, cycles),
      cases,
    }
  })
  return board.failure ? [...suites, boardSuite(summary, board)] : suites
}

/** A suite for what is wrong with a board beyond its tests, so that CI can't overlook it. */
function boardSuite(summary: RunSummary, board: BoardSummary): Suite {
  return {
    name: `kexec.${board.name}`,
    hostname: board.name,
    startedAt: summary.startedAt,
    properties: suiteProperties(board, []),
    cases: [
      {
        name: 'board',
        seconds: 0,
        problem: board.failure ? problemOf(board.failure, failureBody(board.failure, [])) : undefined,
      },
    ],
  }
}

function runSuite(summary: RunSummary): Suite {
  const message = summary.complete
    ? `the run ended as ${summary.verdict}`
    : 'the run ended without a word (killed, or still going on)'
  const problem = summary.failure
    ? problemOf(summary.failure, failureBody(summary.failure, []))
    : ({ element: 'error', type: 'Interrupted', message, body: message } as const)
  return {
    name: 'kexec.run',
    startedAt: summary.startedAt,
    properties: [],
    cases: [{ name: 'run', seconds: 0, problem }],
  }
}

function caseOf(board: BoardSummary, test: TestSummary, options: JunitOptions): Case {
  const cycles = cyclesOf(board, test)
  const red = isRed(test)
  return {
    name: test.test,
    seconds: (test.durationMs ?? 0) / 1000,
    skipped: test.verdict === 'skipped' ? (test.reason ?? 'no reason was given') : undefined,
    problem: red ? testProblem(test, cycles) : undefined,
    retries: retriesOf(test, red),
    output: caseOutput(board, test, options.consoleExcerpt?.(board.name, test)),
  }
}

function testProblem(test: TestSummary, cycles: readonly CycleSummary[]): Problem {
  const message = messageOf(test, cycles)
  const body = failureBody({ message, ...test.failure }, cycles, test.screens)
  if (test.verdict === 'interrupted') return { element: 'error', type: 'Interrupted', message, body }
  if (test.failure) return problemOf(test.failure, body)
  return test.verdict === 'failed'
    ? { element: 'failure', type: 'KexecFailure', message, body }
    : { element: 'error', type: 'Error', message, body }
}

function problemOf(failure: NonNullable<TestSummary['failure']>, body: string): Problem {
  const element = classify(failure) === 'failed' ? 'failure' : 'error'
  return { element, type: kindNames[failure.kind], message: failure.message, body }
}

// Jenkins reads flakyFailure and rerunFailure but no flakyError, so that errors are in the same elements.
function retriesOf(test: TestSummary, red: boolean): NonNullable<Case['retries']> {
  return test.attempts.slice(0, -1).flatMap(({ verdict, failure, reason }) =>
    verdict === 'passed' || verdict === 'skipped'
      ? []
      : [
          {
            element: red ? ('rerunFailure' as const) : ('flakyFailure' as const),
            type: failure ? kindNames[failure.kind] : 'Error',
            message: failure?.message ?? reason ?? verdict,
            stack: failure ? failureBody(failure, []) : junitText(reason ?? verdict),
          },
        ],
  )
}

/** GitLab keeps the first of two cases with one name, so that a second one is numbered. */
function uniqueNames(cases: Case[]): Case[] {
  const seen = new Map<string, number>()
  return cases.map((one) => {
    const name = text(one.name)
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return { ...one, name: count === 1 ? name : `${name} (${count})` }
  })
}

function addSuite(root: XMLBuilder, suite: Suite): void {
  const element = root.ele('testsuite', {
    name: text(suite.name),
    ...totals(suite.cases, ['tests', 'failures', 'errors', 'skipped', 'time']),
    // Without fraction and zone, as the strictest of the readers' schemas has it; it is UTC.
    ...(suite.startedAt ? { timestamp: suite.startedAt.slice(0, 19) } : {}),
    ...(suite.hostname ? { hostname: text(suite.hostname) } : {}),
  })
  if (suite.properties.length > 0) {
    const properties = element.ele('properties')
    for (const [name, value] of suite.properties) properties.ele('property', { name, value: text(value) })
  }
  for (const one of suite.cases) addCase(element, text(suite.name), one)
}

function addCase(parent: XMLBuilder, classname: string, one: Case): void {
  const { problem, retries = [] } = one
  const element = parent.ele('testcase', { name: text(one.name), classname, time: one.seconds.toFixed(3) })
  // Surefire's XSD has a sequence: failure, retries, skipped, error, system-out.
  if (problem?.element === 'failure') addProblem(element, problem)
  for (const retry of retries)
    element
      .ele(retry.element, { type: retry.type, message: text(firstLine(retry.message)) })
      .ele('stackTrace')
      .txt(retry.stack)
  // Jenkins' older XSD has no message attribute here; its reader takes the text as well.
  if (one.skipped !== undefined) element.ele('skipped').txt(text(one.skipped))
  if (problem?.element === 'error') addProblem(element, problem)
  if (one.output) element.ele('system-out').txt(one.output)
}

function addProblem(parent: XMLBuilder, { element, type, message, body }: Problem): void {
  parent.ele(element, { type, message: text(firstLine(message)) }).txt(body)
}

type Total = 'tests' | 'failures' | 'errors' | 'skipped' | 'time'

function totals(cases: readonly Case[], which: Total[]): Record<string, string> {
  const seconds = cases.reduce((sum, one) => sum + one.seconds, 0)
  const all: Record<Total, string> = {
    tests: String(cases.length),
    failures: String(cases.filter(({ problem }) => problem?.element === 'failure').length),
    errors: String(cases.filter(({ problem }) => problem?.element === 'error').length),
    skipped: String(cases.filter(({ skipped }) => skipped !== undefined).length),
    time: seconds.toFixed(3),
  }
  return Object.fromEntries(which.map((name) => [name, all[name]]))
}
