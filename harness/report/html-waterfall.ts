/** The part of report.html that shows where the time of a board's kexecs went. */
import { isGapPart } from '../journal/measured.ts'
import type { BoardSummary } from '../journal/summary-schema.ts'
import { duration, rangeText, shareText } from './format.ts'
import { html, type SafeHtml } from './safe-html.ts'
import {
  adviceOn,
  methodText,
  scaleOf,
  shareAt,
  type Waterfall,
  type WaterfallRow,
  waterfallsOf,
} from './waterfall.ts'

/** null where no cycle was good. Unfolded are those whose gap was taken apart. */
export function waterfallSection(board: BoardSummary): SafeHtml | null {
  const all = waterfallsOf(board)
  return all.length === 0 ? null : html`<h3>Where the time went</h3>${all.map(waterfall)}`
}

function waterfall(one: Waterfall): SafeHtml {
  const { suite, loader, n, leftOut, totalMs, method, rows } = one
  const by = methodText(one)
  const about = [
    n === 1 ? 'one cycle' : `median of ${n} cycles`,
    ...(leftOut > 0 ? [`${leftOut} warm-up or control cycle${leftOut === 1 ? '' : 's'} left out`] : []),
    ...(by === null ? [] : [by]),
  ]
  const shown = {
    range: rows.some(({ range }) => range !== null),
    gap: method !== null,
    scale: scaleOf(one),
    sampled: rows.some(({ sampledMs }) => sampledMs !== null),
  }
  const advice = adviceOn(one)
  const content = html`<summary><b>${suite}, ${loader}</b>: ${duration(totalMs)} <span class="quiet">(${about.join(', ')})</span></summary>
<div class="scroll"><table class="waterfall"><thead><tr><th>phase</th><th class="number">${n === 1 ? 'time' : 'median'}</th>
${shown.range ? html`<th class="number">quartiles</th><th class="number">p5 – p95</th>` : null}${shown.sampled ? html`<th class="number">by sampling</th>` : null}
<th class="number">share</th>${shown.gap ? html`<th class="number">of the gap</th>` : null}<th>from the load to ready</th></tr></thead><tbody>${rows.map((row) => tableRow(row, shown))}</tbody></table></div>
${advice === null ? null : html`<p>${advice[0]!.toUpperCase() + advice.slice(1)}.</p>`}`
  return method === null ? html`<details>${content}</details>` : html`<details open="">${content}</details>`
}

type Shown = { range: boolean; gap: boolean; sampled: boolean; scale: number }

function tableRow(row: WaterfallRow, shown: Shown): SafeHtml {
  const { name, label, medianMs, range, sampledMs, share, shareOfGap } = row
  const quartiles = range ? rangeText(range.p25, range.p75) : '-'
  return html`<tr><td class="${isGapPart(name) ? 'part' : 'name'}">${label}</td><td class="number">${duration(medianMs)}</td>
${shown.range ? html`<td class="number">${quartiles}</td><td class="number">${range ? rangeText(range.p5, range.p95) : '-'}</td>` : null}${shown.sampled ? html`<td class="number">${sampledMs === null ? '' : duration(sampledMs)}</td>` : null}
<td class="number">${shareText(share)}</td>${shown.gap ? html`<td class="number">${shareOfGap === null ? '' : shareText(shareOfGap)}</td>` : null}
<td class="bar">${bar(row, shown.scale)}</td></tr>
`
}

/** The median as a bar where it lies in time; over its end the quartiles as a box and p5 to p95 as a line. */
function bar(row: WaterfallRow, scale: number): SafeHtml {
  const { name, label, medianMs, range, begin, share } = row
  const at = (of: number) => Math.min(Math.round((of / scale) * 1e5) / 100, 1000)
  const rect = (kind: string, [from, to]: [number, number], { y, height }: { y: number; height: number }) =>
    html`<rect class="${kind}" x="${at(from)}" y="${y}" width="${Math.max(1, Math.round((at(to) - at(from)) * 100) / 100)}" height="${height}"></rect>`
  const span = (fromMs: number, toMs: number, height: number) =>
    rect('range', [begin + shareAt(row, fromMs), begin + shareAt(row, toMs)], { y: 5 - height / 2, height })
  const text = `${label} ${duration(medianMs)}${range ? `, ${rangeText(range.p5, range.p95)}` : ''}`
  const phase = isGapPart(name) ? 'gap' : name.slice(0, -'Ms'.length)
  return html`<svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="${text}"><title>${text}</title>${
    share > 0 ? rect(phase, [begin, begin + share], { y: 0, height: 10 }) : null
  }${range && share > 0 ? [span(range.p5, range.p95, 2), span(range.p25, range.p75, 5)] : null}</svg>`
}
