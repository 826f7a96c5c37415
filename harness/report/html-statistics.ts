/** The tables of report.html that rest on several cycles: statistics, and the comparison with the baseline. */
import { isGapPart, phaseLabel } from '../journal/measured.ts'
import type { BaselineComparison, Statistic } from '../journal/summary-schema.ts'
import { difference, probability } from '../quantities.ts'
import { outlierRule } from '../stats/outliers.ts'
import { duration, loaderLabel, percent, rangeText } from './format.ts'
import { html, type SafeHtml } from './safe-html.ts'

export function statisticsTable(statistics: readonly Statistic[]): SafeHtml | null {
  const several = statistics.filter(({ n }) => n > 1)
  if (several.length === 0) return null
  const drifts = several.some(({ drift }) => drift?.significant)
  const tested = several.some(({ drift }) => drift !== null)
  const rows = several.map((one, index) => {
    const before = several[index - 1]
    const [suite, loader] = [one.suite, loaderLabel(one)]
    // What is the same in each row of a group only hides what is not.
    const same = before?.suite === suite && loaderLabel(before) === loader
    return html`<tr><td>${same ? null : suite}</td><td class="name">${same ? null : loader}</td><td class="${phaseClass(one.phase)}">${phaseLabel(one.phase)}</td><td class="number">${one.n}</td>
<td class="number">${duration(one.median)}</td><td class="number">${intervalOf(one)}</td>
<td class="number">${duration(one.p95)}</td><td class="number">${duration(one.min)}</td><td class="number">${duration(one.max)}</td><td class="number">${duration(one.mad)}</td>
<td>${outliersOf(one)}</td>${drifts ? html`<td class="number">${driftOf(one)}</td>` : null}</tr>
`
  })
  const warmups = several.some((one) => one.warmups > 0)
  return html`<details><summary>Statistics of each phase</summary><div class="scroll"><table><thead><tr><th>suite</th><th>loader</th><th>phase</th><th class="number">n</th>
<th class="number">median</th><th class="number">95 % interval</th><th class="number">p95</th><th class="number">min</th><th class="number">max</th><th class="number">MAD</th><th>outliers</th>${drifts ? html`<th class="number">drift a cycle</th>` : null}</tr></thead>
<tbody>${rows}</tbody></table></div>
<p class="quiet">Outliers are in every number. One is a value ${outlierRule}.${warmups ? ' Warm-up and control cycles are in none.' : ''}${tested ? ` ${drifts ? 'A drift over the generations is shown where it' : 'No drift over the generations'} is more than chance (Mann-Kendall, corrected for the number of phases).` : ''}</p></details>`
}

/** Parts of the gap stand below it. */
function phaseClass(phase: string): string {
  return isGapPart(phase) ? 'part' : 'name'
}

function driftOf({ drift }: Statistic): string {
  return drift?.significant ? difference(drift.perCycle) : ''
}

/** Fewer than six cycles have no exact interval; that of a bootstrap is too narrow for so few, and says so. */
function intervalOf({ ci95, bootstrap95 }: Statistic): string {
  const shown = ci95 ?? bootstrap95
  if (!shown) return '-'
  return `${rangeText(...shown)}${ci95 ? '' : ' or wider'}`
}

function outliersOf({ outliers }: Statistic): string {
  return outliers.map(({ cycle, value }) => `cycle ${cycle}: ${duration(value)}`).join(', ')
}

const verdictClasses = {
  slower: 'failed',
  faster: 'passed',
  'no change': 'skipped',
  'too few cycles': 'interrupted',
} as const satisfies Record<BaselineComparison['verdict'], string>

export function comparisonTable(comparisons: readonly BaselineComparison[]): SafeHtml | null {
  if (comparisons.length === 0) return null
  const rows = comparisons.map((one) => {
    const few = one.verdict === 'too few cycles'
    const change = `${difference(one.shift)} (${one.share < 0 ? '' : '+'}${percent(Number(one.share.toFixed(3)))})`
    const title = one.ci95 ? `95 %: ${difference(one.ci95[0])} to ${difference(one.ci95[1])}` : ''
    return html`<tr><td>${one.conditions.suite}</td><td>${loaderLabel(one.conditions)}</td><td class="${phaseClass(one.phase)}">${phaseLabel(one.phase)}</td>
<td class="number">${duration(one.from.median)}</td><td class="number">${duration(one.to.median)}</td><td class="number" title="${title}">${few ? '-' : change}</td>
<td class="number">${few ? '-' : probability(one.corrected)}</td><td class="number">${one.to.n} / ${one.from.n}</td>
<td><span class="verdict ${verdictClasses[one.verdict]}">${one.verdict}</span>${one.since ? html`<br/><span class="quiet">since ${one.since.run}</span>` : null}</td></tr>
`
  })
  const runs = [...new Set(comparisons.flatMap(({ baseline }) => baseline))]
  return html`<h3>Against the baseline</h3><p class="quiet">Baseline: ${runs.join(', ')}. p values are corrected for all that was compared.</p>
<div class="scroll"><table><thead><tr><th>suite</th><th>loader</th><th>phase</th><th class="number">baseline</th><th class="number">now</th><th class="number">change</th>
<th class="number">p</th><th class="number">cycles</th><th>verdict</th></tr></thead><tbody>${rows}</tbody></table></div>`
}
