/** The part of report.html that shows what cycles that differ in one thing tell of a board's gap. */
import type { BoardSummary } from '../journal/summary-schema.ts'
import type { Estimate } from '../kexec/experiment/result.ts'
import {
  basis,
  type Experiment,
  estimateLabels,
  isOfGap,
  offText,
  plusMinus,
  sentences,
  signed,
} from './experiment-text.ts'
import { duration, percent } from './format.ts'
import { plot } from './plot.ts'
import { html, type SafeHtml } from './safe-html.ts'

/** null where no experiment was done. */
export function experimentSection({ experiments }: BoardSummary): SafeHtml | null {
  return experiments.length === 0
    ? null
    : html`<h3>Where the gap went, by experiment</h3>${experiments.map(experiment)}`
}

function experiment(one: Experiment): SafeHtml {
  const direct = one.estimates.some((estimate) => estimate.direct !== null)
  return html`<p><b>${one.suite}, ${one.reference}</b>: ${duration(one.gapMs)} <span class="quiet">(${basis(one)})</span></p>
<ul>${sentences(one).map((sentence) => html`<li>${sentence}</li>`)}</ul>
<div class="scroll"><table><thead><tr><th>what</th><th class="number">time</th><th class="number">95 % interval</th><th class="number">a MiB</th><th class="number">of the gap</th>
${direct ? html`<th class="number">at the borders</th><th>estimate</th>` : null}</tr></thead><tbody>${one.estimates.map((estimate) => row(estimate, one.gapMs, direct))}</tbody></table></div>
${gapPlot(one)}`
}

function row(one: Estimate, gapMs: number, shown: boolean): SafeHtml {
  const { name, ms, ci95, told, perMiB, direct } = one
  return html`<tr><td>${estimateLabels[name]}${told ? null : html` <span class="quiet">(not told from nothing)</span>`}</td><td class="number">${signed(ms)}</td>
<td class="number">${ci95 ? `${signed(ci95[0])} to ${signed(ci95[1])}` : '-'}</td><td class="number">${perMiB ? `${signed(perMiB.ms)} (${plusMinus(perMiB)})` : ''}</td>
<td class="number">${isOfGap(one) ? share(ms / gapMs) : ''}</td>
${shown ? html`<td class="number">${direct ? signed(direct.ms) : ''}</td><td>${offText(one)}</td>` : null}</tr>
`
}

function share(rate: number): string {
  return percent(Number(rate.toFixed(3)))
}

function gapPlot({ lines }: Experiment): SafeHtml | null {
  if (lines.length === 0) return null
  const series = lines.map(({ way, points, fit }) => ({
    name: fit
      ? `${way}: ${signed(fit.perMiB)} a MiB (${plusMinus({ ms: fit.perMiB, ci95: fit.ci95 })})`
      : way,
    points: points.map(({ padMiB, gapMs }) => ({ x: padMiB, y: gapMs / 1000 })),
    line: fit && { intercept: fit.interceptMs / 1000, slope: fit.perMiB / 1000 },
  }))
  return plot({
    title: 'The gap against what the initramfs was made larger by',
    ...{ xLabel: 'initramfs larger by, MiB', yLabel: 'gap, seconds', series },
  })
}
