/** The texts of a JUnit report: what a failure says, and what goes to a case's system-out. All results are safe. */
import type { Failure } from '../journal/events.ts'
import { phaseNames } from '../journal/events.ts'
import type { BoardSummary, CycleSummary, ScreenSummary, TestSummary } from '../journal/summary-schema.ts'
import { isMeasured } from '../journal/summary-statistics.ts'
import { summarize } from '../stats/summary.ts'
import { visible, visibleLine } from './escape.ts'
import { duration, loaderLabel } from './format.ts'
import { cyclesOf, diagnosesOf } from './problems.ts'
import { screenLines } from './screen-text.ts'

// Jenkins and GitLab act on [[ATTACHMENT|path]] wherever it stands, so that a console must not be able to say it.
const command = /\[\[(?=[A-Z]+\|)/g

/** Text of several lines for an element: at most 32 KiB of it, so that a big run stays below GitLab's 30 MB. */
export function junitText(text: string, keep: 'start' | 'end' = 'start'): string {
  return visible(text, { maxLength: 32_768, keep }).replace(command, '\\x5b[')
}

/** Text for an attribute, on one line. */
export function junitLine(text: string): string {
  return visibleLine(text, { maxLength: 1000 }).replace(command, '\\x5b[')
}

export function firstLine(text: string): string {
  return text.split('\n', 1)[0]!
}

/** How many screens a failure shows: how it ended, and what was there before. */
const screensOfFailure = 2

/** The body of a failure: message, what the screen showed, hint, and the diagnosis of each cycle that has one. */
export function failureBody(
  failure: Pick<Failure, 'message' | 'hint' | 'stack'>,
  cycles: readonly CycleSummary[],
  screens: readonly ScreenSummary[] = [],
): string {
  const shown = screens
    .slice(-screensOfFailure)
    // An error about a screen often shows it itself.
    .filter(({ text }) => text === '' || !failure.message.includes(text))
    .map((screen) => screenLines(screen).join('\n'))
    .reverse()
  const hint = failure.hint ? [`hint: ${failure.hint}`] : []
  const diagnoses = diagnosesOf(cycles).map(({ cycle, diagnosis }) =>
    [
      `cycle ${cycle.cycle}: ${diagnosis.summary} (${diagnosis.kind}, ${diagnosis.confidence})`,
      ...section('evidence', diagnosis.evidence),
      ...section('last lines', diagnosis.lastLines),
      ...section('registers', diagnosis.registers),
      ...section('recovered log', diagnosis.recoveredLog),
    ].join('\n'),
  )
  const stack = failure.stack ? [failure.stack] : []
  return junitText([failure.message, ...shown, ...hint, ...diagnoses, ...stack].join('\n\n'))
}

function section(title: string, lines: readonly string[] = []): string[] {
  return lines.length === 0 ? [] : [`  ${title}:`, ...lines.map((line) => `    ${line}`)]
}

/** Properties of some cycles, the median where several have a number. */
function cycleProperties(cycles: readonly CycleSummary[]): [string, string][] {
  const gaps = cycles.filter(isMeasured).map(({ phases }) => phases.gapMs)
  const generations = cycles.map(({ generation }) => generation)
  const all: [string, string | undefined][] = [
    ['gap_ms', median(gaps)],
    ['kernel', distinct(cycles.map(({ kernel }) => kernel))],
    ['loader', distinct(cycles.map(loaderLabel))],
    ['generation', median(generations)],
  ]
  return all.filter((property): property is [string, string] => property[1] !== undefined)
}

function median(values: readonly (number | null | undefined)[]): string | undefined {
  const known = values.filter((value) => value !== null && value !== undefined)
  return known.length === 0 ? undefined : String(Math.round(summarize(known).median * 1000) / 1000)
}

function distinct(values: readonly (string | null)[]): string | undefined {
  const known = new Set(values.filter((value) => value !== null && value !== ''))
  return known.size === 0 ? undefined : [...known].join(', ')
}

/** Properties of a suite on one board. */
export function suiteProperties(board: BoardSummary, cycles: readonly CycleSummary[]): [string, string][] {
  const own: [string, string | null][] = [
    ['board', board.name],
    ['arch', board.arch],
    ['accelerator', board.accelerator],
  ]
  return [
    ...own.filter((property): property is [string, string] => property[1] !== null),
    ...cycleProperties(cycles),
  ]
}

/**
 * system-out of a case: files as attachments, properties, a line for each cycle, and console text. The newest screen's
 * picture comes first: it is the one that GitLab shows.
 */
export function caseOutput(board: BoardSummary, test: TestSummary, excerpt?: string): string {
  const cycles = cyclesOf(board, test)
  const properties: [string, string][] = [
    ...(board.arch ? [['arch', board.arch] as [string, string]] : []),
    ...cycleProperties(cycles),
  ]
  const attachable = /^[\w.+@-]+$/.test(board.name)
  const parts = [
    ...test.screens.map(({ file }) => `[[ATTACHMENT|${file}]]`).reverse(),
    ...(attachable ? [`[[ATTACHMENT|console/${board.name}.log]]`] : []),
    ...properties.map(([name, value]) => `[[PROPERTY|${name}=${junitLine(value).replaceAll(']', ')')}]]`),
    junitText(cycles.map(cycleLines).join('\n'), 'end'),
    ...(excerpt ? [`console:\n${junitText(excerpt, 'end')}`] : []),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

function cycleLines(cycle: CycleSummary): string {
  const phases = phaseNames
    .filter((name) => cycle.phases[name] !== undefined)
    .map((name) => `${name.replace(/Ms$/, '')} ${duration(cycle.phases[name])}`)
  const state = cycle.proven ? `${cycle.verdict}, proven` : cycle.verdict
  const head = `cycle ${cycle.cycle}, generation ${cycle.generation ?? '?'}, ${loaderLabel(cycle)}: ${state}`
  const console = cycle.marks
    .filter(({ line }) => line !== undefined)
    .map(({ name, atMs, line }) => `  ${(atMs / 1000).toFixed(3)} s ${name}: ${visibleLine(line ?? '')}`)
  return [[head, ...phases].join('; '), ...console].join('\n')
}
