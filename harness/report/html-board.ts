/** The part of report.html that is about one board. */
import { type Diagnosis, type Failure, phaseNames } from '../journal/events.ts'
import { phaseLabel } from '../journal/measured.ts'
import type { BoardSummary, CycleSummary, Statistic, TestSummary } from '../journal/summary-schema.ts'
import { gapPartNames } from '../kexec/outcome.ts'
import { visible } from './escape.ts'
import { duration, loaderLabel, number } from './format.ts'
import { deviceShutdownSection } from './html-device-shutdown.ts'
import { observedSection } from './html-devices.ts'
import { downtimeSection } from './html-downtime.ts'
import { experimentSection } from './html-experiment.ts'
import { initcallsSection } from './html-initcalls.ts'
import type { ScreenGallery } from './html-screens.ts'
import { comparisonTable, statisticsTable } from './html-statistics.ts'
import { waterfallSection } from './html-waterfall.ts'
import { cyclesOf, diagnosesOf, isRed, kindNames, messageOf } from './problems.ts'
import { html, type SafeHtml } from './safe-html.ts'
import { stressText } from './table-text.ts'
import { phaseSumMs } from './waterfall.ts'

/** A verdict as a coloured word. */
export function verdictMark(verdict: string): SafeHtml {
  return html`<span class="verdict ${verdict}">${verdict}</span>`
}

export function boardSection(board: BoardSummary, screens: ScreenGallery): SafeHtml {
  const about = [board.arch, board.accelerator, board.note].filter((part) => part !== null && part !== '')
  return html`<section>
<h2>${board.name} ${verdictMark(board.verdict)}</h2>
<p class="quiet">${about.join(' · ')}</p>
${board.failure ? failureCard('error', 'The board', board.failure) : null}
${facts(board)}
${board.tests.map((test) => problemCard(board, test, screens))}${strayCard(board)}
${cyclesTable(board.cycles)}
${waterfallSection(board)}
${experimentSection(board)}
${downtimeSection(board)}
${deviceShutdownSection(board)}
${initcallsSection(board)}
${observedSection(board)}
${comparisonTable(board.comparisons)}
${statisticsTable(board.statistics)}
${testsTable(board.tests)}
${screens.ofOthers(board)}
${journeys(board)}
</section>`
}

function facts({ checksRatio, stress }: BoardSummary): (SafeHtml | null)[] {
  return [
    checksRatio &&
      html`<p>Checked loads take <b>${number(checksRatio.ratio)} times</b> the gap of unchecked ones:
${duration(checksRatio.checkedMs)} against ${duration(checksRatio.uncheckedMs)} (${loaderLabel({ ...checksRatio, checks: true })}).</p>`,
    stress && html`<p>Stress: ${stressText(stress)}.</p>`,
  ]
}

/** What went wrong with a test, also with one that came good in the end. */
function problemCard(board: BoardSummary, test: TestSummary, screens: ScreenGallery): SafeHtml | null {
  const cycles = cyclesOf(board, test)
  const diagnoses = diagnosesDetails(cycles)
  const lost = test.attempts.slice(0, -1).map((attempt, index) => {
    const message = attempt.failure?.message ?? attempt.reason ?? ''
    return `attempt ${index + 1}: ${attempt.verdict}${message ? `: ${message}` : ''}`
  })
  const good = test.verdict === 'passed' || test.verdict === 'skipped'
  if (good && diagnoses.length === 0 && lost.length === 0) return null
  const message = good ? `${test.verdict} in the end` : messageOf(test, cycles)
  const shown = isRed(test) ? screens.ofProblem(test) : []
  const kind = test.failure ? kindNames[test.failure.kind] : test.verdict
  const failure = { message, hint: test.failure?.hint, stack: test.failure?.stack }
  const title = `${test.suite}: ${test.test} (${kind})`
  return failureCard(good ? 'warning' : test.verdict, title, failure, [list(lost), ...shown, ...diagnoses])
}

/** Diagnoses of cycles whose test the journal does not name. */
function strayCard(board: BoardSummary): SafeHtml | null {
  const named = new Set(board.tests.flatMap((test) => cyclesOf(board, test)))
  const diagnoses = diagnosesDetails(board.cycles.filter((cycle) => !named.has(cycle)))
  if (diagnoses.length === 0) return null
  return failureCard('failed', 'Cycles outside of tests', { message: 'see below' }, diagnoses)
}

/** Only the last one is unfolded: it is what the test most likely ended with. */
function diagnosesDetails(cycles: readonly CycleSummary[]): SafeHtml[] {
  return diagnosesOf(cycles).map(({ cycle, diagnosis }, index, all) => {
    const details = diagnosisDetails(cycle, diagnosis)
    return index === all.length - 1
      ? html`<details open="">${details}</details>`
      : html`<details>${details}</details>`
  })
}

/** A failure with its hint; a stack or the runner's standard error is folded. */
export function failureCard(
  verdict: string,
  title: string,
  { message, hint, stack }: Pick<Failure, 'message' | 'hint' | 'stack'>,
  more: readonly (SafeHtml | null)[] = [],
): SafeHtml {
  return html`<div class="card ${verdict}"><p><b>${title}</b></p><p class="mono">${message}</p>
${hint ? html`<p class="quiet">${hint}</p>` : null}${more}
${stack ? html`<details><summary>Standard error, or where it came from</summary><pre>${stack}</pre></details>` : null}</div>`
}

function diagnosisDetails(cycle: CycleSummary, diagnosis: Diagnosis): SafeHtml {
  return html`<summary>Cycle ${cycle.cycle}, generation ${cycle.generation ?? '?'}: <b>${diagnosis.summary}</b>
<span class="quiet">(${diagnosis.kind}, ${diagnosis.confidence})</span></summary>
${list(diagnosis.evidence)}
${block('Last console lines', diagnosis.lastLines, true)}
${block('Registers', diagnosis.registers)}
${block('Log recovered from memory', diagnosis.recoveredLog)}`
}

/** Facts as a list; nothing where there are none. */
export function list(lines: readonly string[]): SafeHtml | null {
  return lines.length === 0 ? null : html`<ul>${lines.map((line) => html`<li>${line}</li>`)}</ul>`
}

function block(title: string, lines: readonly string[] | undefined, open = false): SafeHtml | null {
  if (!lines || lines.length === 0) return null
  const text = html`<summary>${title} (${lines.length})</summary><pre>${visible(lines.join('\n'), { maxLength: 60_000, keep: 'end' })}</pre>`
  return open ? html`<details open="">${text}</details>` : html`<details>${text}</details>`
}

const manyCycles = 60

function cyclesTable(cycles: readonly CycleSummary[]): SafeHtml | null {
  if (cycles.length === 0) return null
  const longestMs = Math.max(...cycles.map(phaseSumMs), 1)
  const table = html`<div class="scroll"><table><thead><tr><th class="number">cycle</th><th class="number">gen.</th><th>suite</th><th>loader</th><th>kernel</th>
<th class="number">gap</th><th class="number">total</th><th>phases</th><th>verdict</th></tr></thead>
<tbody>${cycles.map((cycle) => cycleRow(cycle, longestMs))}</tbody></table></div>`
  const legend = phaseNames.map(
    (name) => html`<span><i class="${phaseClass(name)}"></i>${phaseClass(name)}</span>`,
  )
  const folded =
    cycles.length > manyCycles
      ? html`<details><summary>All ${cycles.length} cycles</summary>${table}</details>`
      : table
  return html`<h3>Cycles</h3><p class="legend quiet">${legend}</p>${folded}`
}

function cycleRow(cycle: CycleSummary, longestMs: number): SafeHtml {
  const state = cycle.proven || cycle.verdict !== 'passed' ? '' : ' not proven'
  return html`<tr><td class="number">${cycle.cycle}</td><td class="number">${cycle.generation}</td>
<td>${cycle.suite}${cycle.warmup ? html` <span class="quiet">${cycle.condition ?? 'warm-up'}</span>` : null}</td><td class="name">${loaderLabel(cycle)}</td><td class="name">${cycle.kernel ?? '-'}</td>
<td class="number" title="${gapTitle(cycle)}">${duration(cycle.phases.gapMs)}</td><td class="number">${duration(cycle.phases.totalMs)}</td>
<td class="bar">${phaseBar(cycle, longestMs)}</td><td>${verdictMark(cycle.verdict)}${state}</td></tr>
`
}

function gapTitle({ gap }: CycleSummary): string {
  if (!gap) return ''
  const start =
    typeof gap.toKernelStartMs === 'number'
      ? `; the kernel's own start after ${duration(gap.toKernelStartMs)}`
      : ''
  const late =
    gap.uncertaintyMs === undefined ? '' : `; either may be seen ${duration(gap.uncertaintyMs)} late`
  const parts = gapPartNames.flatMap((name) =>
    typeof gap[name] === 'number' ? [`${phaseLabel(name)} ${duration(gap[name])}`] : [],
  )
  const inside = parts.length === 0 ? '' : `; by ${gap.method}: ${parts.join(', ')}`
  return `from "${gap.lastLine ?? '?'}" to "${gap.firstLine ?? '?'}"${start}${late}${gap.earlyConsole ? '' : '; no early console'}${inside}`
}

/** A stacked bar on one scale for all cycles of a board. Widths are attributes: the page's CSP allows no style attributes. */
function phaseBar({ phases }: CycleSummary, longestMs: number): SafeHtml {
  let x = 0
  const parts = phaseNames.flatMap((name) => {
    const ms = phases[name]
    if (ms === undefined || ms <= 0) return []
    const width = Math.round((ms / longestMs) * 1e5) / 100
    const part = html`<rect class="${phaseClass(name)}" x="${x}" y="0" width="${width}" height="10"><title>${phaseClass(name)} ${duration(ms)}</title></rect>`
    x = Math.round((x + width) * 100) / 100
    return [part]
  })
  const label = phaseNames
    .filter((name) => phases[name] !== undefined)
    .map((name) => `${phaseClass(name)} ${duration(phases[name])}`)
  return html`<svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="${label.join(', ')}">${parts}</svg>`
}

function phaseClass(name: Statistic['phase']): string {
  return name.slice(0, -'Ms'.length)
}

function testsTable(tests: readonly TestSummary[]): SafeHtml | null {
  if (tests.length === 0) return null
  const rows = tests.map(
    ({ suite, test, verdict, durationMs, attempts, reason }) =>
      html`<tr><td>${suite}</td><td>${test}${verdict === 'skipped' && reason ? html`<br/><span class="quiet">${reason}</span>` : null}</td>
<td class="number">${duration(durationMs)}</td><td>${verdictMark(verdict)}${attempts.length > 1 ? ` at attempt ${attempts.length}` : null}</td></tr>
`,
  )
  return html`<h3>Tests</h3><div class="scroll"><table><thead><tr><th>suite</th><th>test</th><th class="number">time</th><th>verdict</th></tr></thead>
<tbody>${rows}</tbody></table></div>`
}

/** Boots and recoveries: what was done to the board around its cycles. */
function journeys({ boots, recoveries }: BoardSummary): SafeHtml | null {
  const lines = [
    ...boots.map(
      ({ attempt, verdict, kernel, durationMs, warm, note, failure }) =>
        `boot ${attempt}${warm ? ' (warm)' : ''}: ${verdict}${kernel ? `, ${kernel}` : ''}, ${duration(durationMs)}${failure ? `: ${failure.message}` : ''}${note ? `; ${note}` : ''}`,
    ),
    ...recoveries.map(({ step, outcome, ok }) => `recovery ${ok ? 'worked' : 'failed'}: ${step}: ${outcome}`),
  ]
  return lines.length === 0
    ? null
    : html`<details><summary>Boots and recoveries (${lines.length})</summary>${list(lines)}</details>`
}
