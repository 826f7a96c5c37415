/** The lines below the overview table. Everything from outside is on one line, escaped and bounded. */
import { bySeverity } from '../detect/finding.ts'
import { phaseLabel } from '../journal/measured.ts'
import type {
  BoardSummary,
  RunSummary,
  Statistic,
  StressSummary,
  TestSummary,
} from '../journal/summary-schema.ts'
import { visibleLine } from './escape.ts'
import { duration, loaderLabel, number, percent } from './format.ts'
import { type Paint, type Style, verdictStyles } from './paint.ts'
import { cyclesOf, diagnosesOf, messageOf } from './problems.ts'

/** Facts of a board that rest on several cycles: the checked over unchecked gap, and the stress chain. */
export function boardFacts(summary: RunSummary): string[] {
  return summary.boards.flatMap((board) => {
    const name = visibleLine(board.name, { maxLength: 40 })
    const { checksRatio } = board
    return [
      ...(checksRatio
        ? [
            `checked/unchecked gap ratio on ${name}: ${number(checksRatio.ratio)} ` +
              `(${duration(checksRatio.checkedMs)} against ${duration(checksRatio.uncheckedMs)}, ${loaderLabel({ ...checksRatio, checks: true })})`,
          ]
        : []),
      ...(board.stress ? [`stress on ${name}: ${stressText(board.stress)}`] : []),
      ...board.statistics.flatMap((one) => {
        const text = precisionText(one)
        return text === null ? [] : [`${name}, ${one.suite}, ${loaderLabel(one)}: ${text}`]
      }),
      ...comparisonFacts(board).map((fact) => `${name} ${fact}`),
    ]
  })
}

/** How well the gap is known, where somebody asked for a precision. */
function precisionText({ n, precision }: Statistic): string | null {
  if (precision === null) return null
  const { asked, reached, met } = precision
  const known = reached === null ? 'too few cycles to say how well' : `within ${percent(reached)}`
  const end = met ? '' : `, not the ${percent(asked)} that was asked for: the suite ran no more cycles`
  return `the gap is known ${known} after ${n} cycles${end}`
}

/** That the board was compared with its baseline; what got slower is told as a test that failed. */
function comparisonFacts({ comparisons }: BoardSummary): string[] {
  const told = comparisons.filter(({ verdict }) => verdict !== 'too few cycles')
  if (told.length === 0) return []
  const faster = told.filter(({ verdict }) => verdict === 'faster')
  const runs = [...new Set(told.flatMap(({ baseline }) => baseline))]
  const against = runs.length === 1 ? visibleLine(runs[0]!) : `${runs.length} runs`
  return [
    `against its baseline (${against}): ${told.length} phases compared, ${told.filter(({ verdict }) => verdict === 'slower').length} slower, ${faster.length} faster`,
    ...faster.map(
      (one) =>
        `faster: ${phaseLabel(one.phase)} ${duration(one.to.median)} instead of ${duration(one.from.median)}, ${one.conditions.suite}, ${loaderLabel(one.conditions)}`,
    ),
  ]
}

/** Failure rate and drift of a chain, in words. */
export function stressText(stress: StressSummary): string {
  const { cycles, failures, failureRate, ci95, gapDriftMs, memAvailableDriftKiB } = stress
  const rate = `${failures} of ${cycles} cycles failed, ${percent(failureRate)} (95 %: ${percent(ci95[0])} to ${percent(ci95[1])})`
  return [
    rate,
    driftText('gap', gapDriftMs, 'ms'),
    driftText('available memory', memAvailableDriftKiB, 'KiB'),
  ]
    .filter((part) => part !== null)
    .join('; ')
}

function driftText(what: string, drift: StressSummary['gapDriftMs'], unit: string): string | null {
  if (drift === null) return null
  const sign = drift.perCycle > 0 ? '+' : ''
  const size = `${sign}${number(drift.perCycle)} ${unit} a cycle`
  return drift.significant ? `${what} drifts by ${size}` : `no drift of ${what} (${size})`
}

const severityStyles: Record<string, Style> = { fatal: 'red', error: 'red', warning: 'yellow', info: 'dim' }

/** One line for each finding, those that repeat from cycle to cycle counted. */
export function findingLines({ findings }: RunSummary, paint: Paint): string[] {
  const told = findings.filter(({ severity }) => severity !== 'info').toSorted(bySeverity)
  const groups = Map.groupBy(told, ({ id, board, device, driver, cpu, severity }) =>
    JSON.stringify([id, board, device, driver, cpu, severity]),
  )
  const others = findings.length - told.length
  const lines = [...groups.values()].map((group) => {
    const { id, severity, phase, board, device, driver, cpu, confidence, advice } = group[0]!
    const where = [
      `on ${board}`,
      ...(device ? [device] : []),
      ...(driver ? [`driver ${driver}`] : []),
      ...(cpu === null ? [] : [`CPU ${cpu}`]),
    ]
    const times = group.length > 1 ? ` (${group.length} times)` : ''
    const head = paint(severityStyles[severity] ?? 'bold', severity)
    return `${head} ${visibleLine(`${id} ${where.join(', ')}, ${phase}, ${confidence}`)}${times}: ${visibleLine(advice)}`
  })
  return others === 0 ? lines : [...lines, `informational findings, which the report shows: ${others}`]
}

/** What went wrong with each board and test: message, diagnosis, last console line, hint. */
export function problemLines(summary: RunSummary, paint: Paint): string[] {
  const boards = summary.boards.flatMap((board) => [
    ...board.tests.flatMap((test) => testLines(board, test, paint)),
    ...(board.failure ? failureLines(board.name, board.failure, paint) : []),
  ])
  return summary.failure ? [...boards, ...failureLines('run', summary.failure, paint)] : boards
}

function testLines(board: BoardSummary, test: TestSummary, paint: Paint): string[] {
  const { verdict } = test
  const title = visibleLine(`${board.name}, ${test.suite}: ${test.test}`)
  if (verdict === 'passed') return flakyLines(title, test, paint)
  const head = `${paint(verdictStyles[verdict], verdict)} ${title}`
  const cycles = cyclesOf(board, test)
  const message = messageOf(test, cycles)
  if (verdict === 'skipped') return [`${head}: ${visibleLine(message)}`]
  const last = diagnosesOf(cycles).at(-1)
  const line = last?.diagnosis.lastLines.at(-1)
  return [
    head,
    `  ${visibleLine(message, { maxLength: 1000 })}`,
    ...(last && !message.includes(last.diagnosis.summary)
      ? [`  diagnosis: ${visibleLine(last.diagnosis.summary)} (${last.diagnosis.confidence})`]
      : []),
    ...(line === undefined ? [] : [`  last console line: ${visibleLine(line)}`]),
    ...stderrLines(test.failure?.stack),
    ...(test.failure?.hint ? [`  ${paint('dim', visibleLine(test.failure.hint))}`] : []),
  ]
}

function flakyLines(title: string, { attempts }: TestSummary, paint: Paint): string[] {
  const lost = attempts.filter(({ verdict }) => verdict !== 'passed').length
  return lost === 0 ? [] : [`${paint('yellow', 'flaky')} ${title}: passed at attempt ${attempts.length}`]
}

function failureLines(where: string, failure: NonNullable<BoardSummary['failure']>, paint: Paint): string[] {
  return [
    `${paint('magenta', 'error')} ${visibleLine(where, { maxLength: 40 })}: ${visibleLine(failure.message, { maxLength: 1000 })}`,
    ...stderrLines(failure.stack),
    ...(failure.hint ? [`  ${paint('dim', visibleLine(failure.hint))}`] : []),
  ]
}

/** The last lines of a stack or of a runner's standard error; the reports have the rest. */
function stderrLines(stack: string | undefined): string[] {
  return (stack ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-3)
    .map((line) => `  | ${visibleLine(line, { maxLength: 160 })}`)
}
