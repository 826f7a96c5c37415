/** The part of report.html that shows where the gaps of a board went. */
import type { BoardSummary } from '../journal/summary-schema.ts'
import { duration, percent } from './format.ts'
import { html, type SafeHtml } from './safe-html.ts'
import { type Waterfall, type WaterfallPart, waterfallsOf } from './waterfall.ts'

/** null where no gap was taken apart. */
export function waterfallSection(board: BoardSummary): SafeHtml | null {
  const all = waterfallsOf(board)
  return all.length === 0 ? null : html`<h3>Where the gap went</h3>${all.map(waterfall)}`
}

function waterfall({ loader, n, gapMs, method, parts }: Waterfall): SafeHtml {
  return html`<p><b>${loader}</b>: ${duration(gapMs)}, median of ${n}, by ${method}</p>
<div class="scroll"><table><thead><tr><th>part</th><th class="number">median</th><th class="number">from</th><th class="number">to</th><th class="number">by sampling</th>
<th class="number">share</th><th>in the gap</th></tr></thead><tbody>${parts.map(row)}</tbody></table></div>`
}

function row({ label, medianMs, minMs, maxMs, sampledMs, share, beginShare }: WaterfallPart): SafeHtml {
  return html`<tr><td>${label}</td><td class="number">${duration(medianMs)}</td><td class="number">${duration(minMs)}</td><td class="number">${duration(maxMs)}</td>
<td class="number">${duration(sampledMs)}</td><td class="number">${percent(Math.round(share * 1000) / 1000)}</td>
<td class="bar"><svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="${label} ${duration(medianMs)}"><rect class="gap" x="${scaled(beginShare)}" y="0" width="${Math.max(1, scaled(share))}" height="10"></rect></svg></td></tr>
`
}

function scaled(share: number): number {
  return Math.round(share * 1e5) / 100
}
